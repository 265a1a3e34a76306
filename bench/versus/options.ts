/** The flags of `npm run bench -- --versus`. Refuses what it does not understand, with what there is. */
import { parseArgs } from 'node:util';
import type { Peer } from '../peers/peer.js';
import { WORKS, workNamed, type Work } from '../works.js';
import type { VersusEffort } from './run.js';

export interface VersusOptions {
  readonly help: boolean;
  readonly list: boolean;
  readonly works: readonly Work[];
  readonly peers: readonly Peer[];
  readonly effort: VersusEffort;
  /** Reports of earlier runs to join instead of running anything. */
  readonly from: readonly string[];
  /** Files to write; '' for none. */
  readonly json: string;
  readonly html: string;
  readonly markdown: string;
}

export const VERSUS_HELP = `npm run bench -- --versus [options]

The same work through wirehop, nginx, HAProxy, Node's proxy libraries, a bare relay and no proxy at all: the proxy
alone on one core, load and origin on the other. Tables on stdout, progress on stderr.

  --work NAME,..   only this work; a prefix and * take all that begin so ("tunnel*")
  --peers NAME,..  only these peers
  --rounds N       rounds, the peers in turns in each (default 5)
  --seconds S      seconds that count, per peer, work and round (default 1)
  --rate N         operations per second of the works at a fixed rate, instead of their own
  --quick          one round of 0.2 s, 200 idle connections: shows that everything works, its figures say little
  --json FILE      every figure, for programs
  --html FILE      the report: charts and tables in one file that opens anywhere
  --markdown FILE  the same as Markdown, its charts as SVG files beside it
  --from FILE,..   no run: join the figures of earlier ones (--json) and report on them
  --list           the works and the peers, and what is missing here
  --help           this

A peer that is not installed is skipped by name, with the command that installs it. The exit code is 1 when a peer
answered anything but what the origin said: its figures are then left out.
`;

const FULL: VersusEffort = { rounds: 5, warmUpMs: 200, measureMs: 1000, settleMs: 1500 };
const QUICK: VersusEffort = {
  rounds: 1,
  warmUpMs: 100,
  measureMs: 200,
  settleMs: 100,
  idleConnections: 200,
};

/** Throws a RangeError, or what parseArgs throws, with a text for the user. */
export function parseVersusOptions(args: string[], peers: readonly Peer[]): VersusOptions {
  const { values } = parseArgs({
    args,
    options: {
      work: { type: 'string', multiple: true },
      peers: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string', default: '' },
      html: { type: 'string', default: '' },
      markdown: { type: 'string', default: '' },
      from: { type: 'string', multiple: true },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const base = values.quick ? QUICK : FULL;
  const rounds = numberOf('rounds', values.rounds, base.rounds, 1, 1000);
  if (!Number.isInteger(rounds)) throw new RangeError('--rounds is a whole number');
  const measureMs = 1000 * numberOf('seconds', values.seconds, base.measureMs / 1000, 0.05, 600);
  const rate = values.rate === undefined ? undefined : numberOf('rate', values.rate, 0, 1, 1_000_000);
  return {
    help: values.help,
    list: values.list,
    works: worksOf(values.work).map((work) =>
      rate === undefined || work.rate === undefined ? work : withRate(work, rate),
    ),
    peers: peersOf(values.peers, peers),
    effort: { ...base, rounds, measureMs },
    from: namesIn(values.from),
    json: values.json,
    html: values.html,
    markdown: values.markdown,
  };
}

function withRate(work: Work, rate: number): Work {
  return { ...work, rate, title: work.title.replace(/at \d+\/s/, `at ${rate}/s`) };
}

function namesIn(values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap((value) => value.split(',')).filter((name) => name !== '');
}

function worksOf(values: readonly string[] | undefined): readonly Work[] {
  const wanted = new Set(namesIn(values).flatMap(worksMatching));
  return wanted.size === 0 ? WORKS : WORKS.filter((work) => wanted.has(work));
}

function worksMatching(name: string): readonly Work[] {
  if (!name.endsWith('*')) return [workNamed(name)];
  const found = WORKS.filter((work) => work.name.startsWith(name.slice(0, -1)));
  if (found.length === 0) throw new RangeError(`no work begins with "${name.slice(0, -1)}"; see --list`);
  return found;
}

function peersOf(values: readonly string[] | undefined, peers: readonly Peer[]): readonly Peer[] {
  const wanted = namesIn(values);
  if (wanted.length === 0) return peers;
  const has = (name: string): boolean => peers.some((peer) => isNamed(peer, name));
  const unknown = wanted.find((name) => !has(name));
  if (unknown !== undefined) {
    const known = peers.map((peer) => peer.name).join(', ');
    throw new RangeError(`no peer is called "${unknown}"; there are: ${known}`);
  }
  return peers.filter((peer) => wanted.some((name) => isNamed(peer, name)));
}

/** Names as they are shown, in any case. */
function isNamed({ name }: Peer, wanted: string): boolean {
  return name.toLowerCase() === wanted.toLowerCase();
}

function numberOf(
  flag: string,
  value: string | undefined,
  otherwise: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return otherwise;
  const number = Number(value);
  if (!(number >= least && number <= most))
    throw new RangeError(`--${flag} is a number from ${least} to ${most}, not "${value}"`);
  return number;
}
