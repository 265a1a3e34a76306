/**
 * What hooks cost in memory. Proves: with hooks and channels off an embedded proxy's exchange and tunnel message allocate
 * what the machine alone does, and with every hook on a tunnel message still costs nothing.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';

const FIGURES = fileURLToPath(new URL('./allocation-figures.js', import.meta.url));
/** What measuring leaves, spread over a run. */
const NOISE_OCTETS = 8;
/** A view, its heads, an asynchronous context and what is told at the end. */
const MOST_FOR_HOOKS = 8192;

type Case = Readonly<Record<string, number>>;

describe('embed: allocation', function () {
  this.timeout(60_000);
  let exchange: Case;
  let message: Case;
  let channel: Case;

  before(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [FIGURES], { timeout: 50_000 });
    ({ exchange, message, channel } = JSON.parse(stdout) as Record<string, Case>);
  });

  it('an exchange with hooks off costs what the machine alone costs', () => {
    expect(exchange.off - exchange.bare).to.be.below(NOISE_OCTETS);
  });

  it('an exchange with every hook on costs what is made for them', () => {
    expect(exchange.on - exchange.off)
      .to.be.above(NOISE_OCTETS)
      .and.below(MOST_FOR_HOOKS);
  });

  it('a channel costs while somebody listens, and nothing afterwards', () => {
    expect(channel.during - channel.before).to.be.above(NOISE_OCTETS);
    expect(channel.after - channel.before).to.be.below(NOISE_OCTETS);
  });

  it('a tunnel message costs nothing, hooks off and on', () => {
    expect(message.off - message.bare).to.be.below(NOISE_OCTETS);
    expect(message.on - message.bare).to.be.below(NOISE_OCTETS);
  });
});
