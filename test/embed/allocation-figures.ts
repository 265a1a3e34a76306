/**
 * Measures what hooks cost in memory, in a process of its own: what ran before in a process decides how V8 compiles what
 * runs later. Prints octets by case, as JSON.
 */
import {
  embeddedPolicy,
  EMBED_SUBJECTS,
  exchangeRun,
  messageRun,
  subscribeToFinished,
} from '../../bench/micro/embed.js';
import { measureAllocation } from '../../bench/measure.js';

/** Octets that one run allocates, once it is warm. */
function octets(run: () => void): number {
  for (let i = 0; i < 20_000; i++) run();
  const { heapOctets, externalOctets } = measureAllocation(run, 5);
  return heapOctets + externalOctets;
}

const [bare, off, on] = EMBED_SUBJECTS.map(([, policy]) => policy);
const watched = exchangeRun(embeddedPolicy());
const before = octets(watched);
const unsubscribe = subscribeToFinished();
const during = octets(watched);
unsubscribe();
const after = octets(watched);
console.log(
  JSON.stringify({
    exchange: {
      bare: octets(exchangeRun(bare())),
      off: octets(exchangeRun(off())),
      on: octets(exchangeRun(on())),
    },
    message: {
      bare: octets(messageRun(bare())),
      off: octets(messageRun(off())),
      on: octets(messageRun(on())),
    },
    channel: { before, during, after },
  }),
);
