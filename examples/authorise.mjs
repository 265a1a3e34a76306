// A WebSocket service that knows nothing of users: an asynchronous route function lets the right ones through, before
// the service hears of them, and tells it who they are. Try ?token=ada.
import { setTimeout as wait } from 'node:timers/promises';
import { createProxy } from 'wirehop';
import { PORT, startOrigin } from './origin.mjs';

const service = { upstream: await startOrigin(), protocols: ['websocket'] };
const refusal = { respond: { status: 401, fields: { 'WWW-Authenticate': 'Bearer' }, content: 'no token\n' } };

const proxy = createProxy({
  async routes(request) {
    const user = await userOf(new URLSearchParams(request.query).get('token'));
    if (user === undefined) return refusal;
    request.fields.set('X-User', user);
    request.target = request.path; // the token stays here
    return service;
  },
  hooks: {
    tunnelClosed: ({ endedBy, octetsUpstream, octetsDownstream }, { request }) => {
      const octets = octetsUpstream + octetsDownstream;
      console.log(`${request.fields.get('X-User')} has left: ${octets} octets, ended by ${endedBy}`);
    },
  },
});
const { url } = await proxy.listen(PORT);
console.log(url);

async function userOf(token) {
  await wait(5); // a database, say
  return { ada: 'Ada', bob: 'Bob' }[token];
}
