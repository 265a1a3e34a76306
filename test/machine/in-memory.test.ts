/** The machine over a transport that is two strings: an HTTP exchange, then a tunnel. Read it as a guide to a driver. */
import { expect } from 'chai';
import * as m from '../../src/machine/index.js';
import { FACTS } from './replay.js';

it('machine: an exchange and a tunnel in memory', () => {
  // Who decides: everything goes to one peer, by rules that say how long to wait and how much to take.
  const plan = m.forwardTo([m.peerAt('127.0.0.1', 3000)]);
  const done: string[] = [];
  const policy: m.Policy = {
    reading: m.DEFAULT_READING,
    defaults: m.DEFAULT_RULES,
    plan: () => plan, // or undefined, and machine.decide(exchange, plan, now) later
    failed: () => undefined, // the built-in page
    finished: ({ status, outcome }) => void done.push(`${status} ${outcome}`),
    fault: () => undefined, // for an error log
  };
  const machine = new m.Connection({ policy, facts: FACTS });
  const written = ['', '']; // what has left, by side
  let now = 0; // monotonic ms, the driver's

  // One input, and everything that it has the driver do.
  function give(side: m.SideIndex, text: string): void {
    machine.receive(side, Buffer.from(text), 0, text.length, ++now);
    for (let i = 0; i < machine.effects.count; i++) {
      const { kind, side: to, buffer, start, end } = machine.effects.at(i);
      if (kind === m.WRITE) written[to] += buffer!.toString('latin1', start, end);
      if (kind === m.CONNECT) machine.connected(false, now); // the effects go on behind this one
    }
    machine.effects.clear(); // then: read as readsDownstream and readsUpstream say, and expire() at deadline
  }

  give(m.DOWNSTREAM, 'GET /hello HTTP/1.1\r\nHost: a\r\n\r\n');
  give(m.UPSTREAM, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
  expect(written[m.DOWNSTREAM]).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*hi$/);
  give(m.DOWNSTREAM, 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  give(m.UPSTREAM, 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  give(m.DOWNSTREAM, 'to the upstream'); // octets from here on, whatever they are
  give(m.UPSTREAM, 'and back');
  expect(written.map((text) => text.split('\r\n\r\n').pop())).to.deep.equal(['and back', 'to the upstream']);
  machine.abort(++now);
  expect(done).to.deep.equal(['200 complete', '101 downstream-closed']);
});
