// An access log in JSON, made outside of the proxy: it publishes what happens on node:diagnostics_channel.
import diagnostics from 'node:diagnostics_channel';
import { createProxy } from 'wirehop';
import { PORT, startOrigin } from './origin.mjs';

diagnostics.subscribe('wirehop:finished', ({ exchange, end }) => {
  const { request, connection } = exchange;
  const { status, outcome, octetsSent } = end;
  const line = { client: connection.remoteAddress, method: request.method, target: request.target };
  console.log(JSON.stringify({ ...line, status, outcome, octetsSent, ms: Math.round(end.durationMs) }));
});

const proxy = createProxy({ upstream: await startOrigin() });
const { url } = await proxy.listen(PORT);
console.log(url);
