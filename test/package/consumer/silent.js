/** Imports every entry point and says what that has done to the process: nothing. */
const { Module } = WebAssembly;
let compiled = 0;
WebAssembly.Module = class extends Module {
  constructor(binary) {
    super(binary);
    compiled++;
  }
};
const state = () => ({
  globals: Object.getOwnPropertyNames(globalThis).join(),
  listeners: process
    .eventNames()
    .map((name) => `${String(name)} ${process.listenerCount(name)}`)
    .join(),
  resources: process.getActiveResourcesInfo().join(),
});
// What Node's own modules do is theirs.
await Promise.all(['net', 'tls', 'http', 'dns/promises', 'crypto'].map((name) => import(`node:${name}`)));
await new Promise(setImmediate);
const before = state();

await Promise.all(
  ['wirehop', 'wirehop/http-proxy', 'wirehop/machine', 'wirehop/wire'].map((name) => import(name)),
);
await new Promise(setImmediate);

const after = state();
console.log('compiled', compiled);
for (const name of Object.keys(before))
  console.log(name, after[name] === before[name] ? 'as before' : after[name]);
