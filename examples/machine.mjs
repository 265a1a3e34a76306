// The connection machine without a socket: a request goes in as octets, what is to be done comes out as effects.
import {
  Connection,
  DEFAULT_READING,
  DEFAULT_RULES,
  DOWNSTREAM,
  forwardTo,
  peerAt,
  UPSTREAM,
  WRITE,
} from 'wirehop/machine';

const NAMES = ['', 'WRITE', 'END', 'CLOSE', 'ABORT', 'CONNECT', 'RELEASE', 'DROP'];
const plan = forwardTo([peerAt('192.0.2.7', 80)]);
const policy = {
  reading: DEFAULT_READING,
  defaults: DEFAULT_RULES,
  plan: () => plan,
  failed: () => undefined,
  finished: ({ status, outcome }) => console.log(`finished: ${status} ${outcome}`),
  fault: (fault) => console.log(`fault: ${fault.message}`),
};
const address = { remoteAddress: '192.0.2.1', remotePort: 4711, localAddress: '192.0.2.2', localPort: 80 };
const machine = new Connection({ policy, facts: { serial: 1, ...address, secure: false, openedAt: 0 } });

/** Shows the effects, and what the machine waits for. */
function drain() {
  const { effects, out } = machine;
  for (let i = 0; i < effects.count; i++) {
    const { kind, side, buffer, start, end, peer } = effects.at(i);
    const what = kind === WRITE ? JSON.stringify(buffer.toString('latin1', start, end)) : (peer?.name ?? '');
    console.log(`  ${NAMES[kind]} ${side === DOWNSTREAM ? 'downstream' : 'upstream'} ${what}`);
  }
  effects.clear();
  out.settle(false);
  console.log(`  deadline ${machine.deadline} ms`);
}

function receive(side, text, now) {
  const octets = Buffer.from(text, 'latin1');
  machine.receive(side, octets, 0, octets.length, now);
  drain();
}

console.log('a request comes in two parts');
receive(DOWNSTREAM, 'GET /there HTTP/1.1\r\nHo', 10);
receive(DOWNSTREAM, 'st: example.org\r\n\r\n', 20);
console.log('the upstream connection is there');
machine.connected(false, 30);
drain();
console.log('the upstream side answers');
receive(UPSTREAM, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 40);
console.log('the client says nothing more');
machine.expire(40 + DEFAULT_RULES.keepaliveTimeoutMs);
drain();
