/** The peer behind a counted proxy: fixed answers, and an echo behind a switch of protocols. */
import { startRawUpstream } from '../../test/e2e/harness.js';
import { CONTENT, PLAIN_RESPONSE, SWITCH_RESPONSE } from '../fixtures.js';

const RESPONSE = Buffer.concat([PLAIN_RESPONSE.octets, CONTENT]);

/** Answers every request head with a fixed response, an offer with a switch, and echoes behind it. Answers its port. */
export async function startOrigin(): Promise<number> {
  const { port } = await startRawUpstream((socket) => {
    socket.setNoDelay(true);
    let echoes = false;
    let head = '';
    socket.on('data', (chunk) => {
      if (echoes) {
        socket.write(chunk);
        return;
      }
      head += chunk.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      echoes = head.includes('Upgrade: websocket');
      head = '';
      socket.write(echoes ? SWITCH_RESPONSE : RESPONSE);
    });
  });
  return port;
}
