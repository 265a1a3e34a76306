/** Every entry point from plain JavaScript. */
import * as wirehop from 'wirehop';
import httpProxy from 'wirehop/http-proxy';
import * as machine from 'wirehop/machine';
import * as wire from 'wirehop/wire';
import manifest from 'wirehop/package.json' with { type: 'json' };

console.log(
  wirehop.createProxy.name,
  httpProxy.createProxyServer.name,
  machine.Connection.name,
  wire.HeadReader.name,
  manifest.name,
);
// What is not an entry point stays the package's own.
await import('wirehop/dist/src/index.js').catch((error) => console.log(error.code));
