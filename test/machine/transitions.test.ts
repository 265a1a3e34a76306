/**
 * Every transition of the two tables is taken by a script that a reader can follow, and no script takes another one. So
 * the diagrams and docs/machine.md show what connections do, no more and no less.
 */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import type { Exchange } from '../../src/machine/exchange.js';
import {
  REQUEST_INPUTS,
  REQUEST_PHASES,
  REQUEST_TABLE,
  RESPONSE_INPUTS,
  RESPONSE_PHASES,
  RESPONSE_TABLE,
} from '../../src/machine/phases.js';
import {
  type Decision,
  NEXT_ERROR,
  NEXT_INVALID_HEADER,
  type Plan,
  type Review,
} from '../../src/machine/policy.js';
import { CASES, forward } from './cases.js';
import {
  askPlan,
  FixedPeers,
  forwardPlan,
  peer,
  respondPlan,
  sourcePlan,
  subrequestPlan,
  TestPolicy,
} from './policies.js';
import { Player, type PlayOptions, type Step } from './replay.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n';
const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';

/** One connection: what comes in, and `request phase input` or `response phase input` for each transition on its way. */
interface Script {
  readonly name: string;
  readonly plan?: (exchange: Exchange) => Decision | undefined;
  readonly reviews?: boolean;
  readonly verdict?: Review;
  /** What stands in for a 502. */
  readonly instead?: Decision;
  readonly autoConnect?: false;
  readonly steps: readonly Step[];
  readonly request: readonly string[];
  readonly response: readonly string[];
}

const answer = (): Plan => respondPlan(200, 'hello');
const twoPeers = (): Plan =>
  forwardPlan(new FixedPeers(peer(3000), peer(3001)), { nextOn: NEXT_ERROR | NEXT_INVALID_HEADER });
/** One request may use another peer than the next: plans know peers by the attempts of one exchange. */
const checked = (): Decision =>
  subrequestPlan(
    () => forwardPlan(new FixedPeers(peer(3009))),
    (status) => (status === 200 ? forwardPlan(new FixedPeers(peer(3000))) : respondPlan(403, 'no')),
  );
const FORWARDED = ['idle request', 'plan forward', 'dial connected'];
const ANSWERED = ['idle request', 'plan local'];

const SCRIPTS: readonly Script[] = [
  {
    name: 'a request without content, its answer, and the end between requests',
    steps: [{ down: GET }, { up: `${OK}ok` }, 'down end'],
    request: ['idle octets', 'head bare', 'done next', 'idle close'],
    response: [...FORWARDED, 'head final', 'body end', 'done next', 'idle close'],
  },
  {
    name: 'a request with content, an interim response in front of the final one',
    steps: [{ down: `${POST}hello` }, { up: `HTTP/1.1 103 Early Hints\r\n\r\n${OK}ok` }],
    request: ['idle octets', 'head content', 'body end', 'done next'],
    response: [...FORWARDED, 'head interim', 'head final', 'body end', 'done next'],
  },
  {
    name: 'an answer of our own',
    plan: answer,
    steps: [{ down: GET }],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...ANSWERED, 'done next'],
  },
  {
    name: 'a refused head; then the end of what was dropped',
    steps: [{ down: 'GET\r\n\r\n' }, 'down end'],
    request: ['idle octets', 'head refuse', 'discard close'],
    response: [...ANSWERED, 'done close'],
  },
  {
    name: 'a client that goes in the middle of a head',
    steps: [{ down: 'GET' }, 'down end'],
    request: ['idle octets', 'head close'],
    response: ['idle close'],
  },
  {
    name: 'content that breaks its framing',
    steps: [{ down: 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' }, { down: 'x\r\n' }],
    request: ['idle octets', 'head content', 'body refuse'],
    response: [...FORWARDED, 'head local', 'done close'],
  },
  {
    name: 'a client that goes in the middle of content',
    steps: [{ down: POST }, 'down reset'],
    request: ['idle octets', 'head content', 'body close'],
    response: [...FORWARDED, 'head close'],
  },
  {
    name: 'a request that is whole, and refused for what it asks',
    steps: [{ down: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n' }],
    request: ['idle octets', 'head bare', 'done refuse'],
    response: [...ANSWERED, 'done close'],
  },
  {
    name: 'a client that goes while the upstream side answers',
    steps: [{ down: GET }, { up: OK }, 'down reset'],
    request: ['idle octets', 'head bare', 'done close'],
    response: [...FORWARDED, 'head final', 'body close'],
  },
  {
    name: 'a half-closed client gets its answer',
    steps: [{ down: GET }, 'down end', { up: `${OK}ok` }],
    request: ['idle octets', 'head bare', 'done eof', 'closed next', 'closed close'],
    response: [...FORWARDED, 'head final', 'body end', 'done next', 'idle close'],
  },
  {
    name: 'a tunnel that the client half-closes first',
    steps: [{ down: UPGRADE }, { up: SWITCH }, { down: 'hi' }, 'down end', 'up end'],
    request: ['idle octets', 'head bare', 'done switch', 'tunnel eof', 'closed close'],
    response: [...FORWARDED, 'head switch', 'tunnel close'],
  },
  {
    name: 'a tunnel that opens for a client that has half-closed',
    steps: [{ down: UPGRADE }, 'down end', { up: SWITCH }, 'up end'],
    request: ['idle octets', 'head bare', 'done eof', 'closed switch', 'closed close'],
    response: [...FORWARDED, 'head switch', 'tunnel close'],
  },
  {
    name: 'a tunnel whose upstream side breaks off',
    steps: [{ down: UPGRADE }, { up: SWITCH }, 'up reset'],
    request: ['idle octets', 'head bare', 'done switch', 'tunnel close'],
    response: [...FORWARDED, 'head switch', 'tunnel close'],
  },
  {
    name: 'a client that goes before it is decided what becomes of its request',
    plan: () => undefined,
    steps: [{ down: GET }, 'down reset'],
    request: ['idle octets', 'head bare', 'done close'],
    response: ['idle request', 'plan close'],
  },
  {
    name: 'a client that goes while a connection is made',
    autoConnect: false,
    steps: [{ down: GET }, 'down reset'],
    request: ['idle octets', 'head bare', 'done close'],
    response: ['idle request', 'plan forward', 'dial close'],
  },
  {
    name: 'a peer that cannot be reached, and no other',
    autoConnect: false,
    steps: [{ down: GET }, 'refused'],
    request: ['idle octets', 'head bare', 'done next'],
    response: ['idle request', 'plan forward', 'dial local', 'done next'],
  },
  {
    name: 'a peer that cannot be reached, and another that breaks off in front of its answer',
    autoConnect: false,
    plan: twoPeers,
    steps: [{ down: GET }, 'refused', 'connected', 'up reset'],
    request: ['idle octets', 'head bare', 'done next'],
    response: ['idle request', 'plan forward', 'dial retry', 'dial connected', 'head local', 'done next'],
  },
  {
    name: 'a peer that answers what is no HTTP, and another that answers',
    plan: twoPeers,
    steps: [{ down: GET }, { up: 'nonsense\r\n\r\n' }, { up: `${OK}ok` }],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...FORWARDED, 'head retry', 'dial connected', 'head final', 'body end', 'done next'],
  },
  {
    name: 'a response head that the policy looks at for a while',
    reviews: true,
    steps: [{ down: GET }, { up: `${OK}ok` }, 'reviewed'],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...FORWARDED, 'head review', 'review final', 'body end', 'done next'],
  },
  {
    name: 'a switch that the policy looks at for a while',
    reviews: true,
    steps: [{ down: UPGRADE }, { up: SWITCH }, 'reviewed'],
    request: ['idle octets', 'head bare', 'done switch'],
    response: [...FORWARDED, 'head review', 'review switch'],
  },
  {
    name: 'a response that the policy replaces',
    reviews: true,
    verdict: respondPlan(503, 'no'),
    steps: [{ down: GET }, { up: `${OK}ok` }, 'reviewed'],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...FORWARDED, 'head review', 'review local', 'done next'],
  },
  {
    name: 'an answer that is read from a source',
    plan: () => sourcePlan(4),
    steps: [{ down: GET }, { up: 'file' }],
    request: ['idle octets', 'head bare', 'done next'],
    response: ['idle request', 'plan source', 'body end', 'done next'],
  },
  {
    name: 'a peer that cannot be reached, and a source of what stands in for it',
    autoConnect: false,
    instead: sourcePlan(4, 502),
    steps: [{ down: GET }, 'refused', { up: 'file' }],
    request: ['idle octets', 'head bare', 'done next'],
    response: ['idle request', 'plan forward', 'dial source', 'body end', 'done next'],
  },
  {
    name: 'a peer that breaks off, and a source of what stands in for it',
    instead: sourcePlan(4, 502),
    steps: [{ down: GET }, 'up reset', { up: 'file' }],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...FORWARDED, 'head source', 'body end', 'done next'],
  },
  {
    name: 'a response that the policy replaces by what is read from a source',
    reviews: true,
    verdict: sourcePlan(4),
    steps: [{ down: GET }, { up: `${OK}ok` }, 'reviewed', { up: 'file' }],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...FORWARDED, 'head review', 'review source', 'body end', 'done next'],
  },
  {
    name: 'an upstream side that breaks off while the policy looks: another one is tried',
    reviews: true,
    plan: twoPeers,
    steps: [{ down: GET }, { up: OK }, 'up reset'],
    request: ['idle octets', 'head bare'],
    response: [...FORWARDED, 'head review', 'review retry', 'dial connected'],
  },
  {
    name: 'a request about which something is found out at once',
    plan: () => askPlan(answer),
    steps: [{ down: GET }],
    request: ['idle octets', 'head bare', 'done next'],
    response: ['idle request', 'plan wait', 'plan local', 'done next'],
  },
  {
    name: 'a subrequest, and then the request',
    plan: checked,
    steps: [{ down: GET }, { up: `${OK}ok` }, { up: `${OK}ok` }],
    request: ['idle octets', 'head bare', 'done next'],
    response: [
      ...['idle request', 'plan wait', 'plan forward', 'dial connected', 'head wait'],
      ...['plan forward', 'dial connected', 'head final', 'body end', 'done next'],
    ],
  },
  {
    name: 'a subrequest that reaches nobody',
    plan: checked,
    autoConnect: false,
    steps: [{ down: GET }, 'refused'],
    request: ['idle octets', 'head bare', 'done next'],
    response: ['idle request', 'plan wait', 'plan forward', 'dial wait', 'plan local', 'done next'],
  },
  {
    name: 'an upstream side that breaks off while the policy looks, and something to find out in its place',
    reviews: true,
    instead: askPlan(answer),
    steps: [{ down: GET }, { up: OK }, 'up reset'],
    request: ['idle octets', 'head bare', 'done next'],
    response: [...FORWARDED, 'head review', 'review wait', 'plan local', 'done next'],
  },
  {
    name: 'a client that goes while the policy looks',
    reviews: true,
    steps: [{ down: GET }, { up: OK }, 'down reset'],
    request: ['idle octets', 'head bare', 'done close'],
    response: [...FORWARDED, 'head review', 'review close'],
  },
];

/** A policy with a plan, which looks at response heads if it is told to. */
class ScriptPolicy extends TestPolicy {
  readonly review?: () => undefined;
  private readonly instead: Decision | undefined;
  constructor({ plan, reviews, instead }: Pick<Script, 'plan' | 'reviews' | 'instead'>) {
    super(plan ?? forward());
    if (reviews === true) this.review = () => undefined;
    this.instead = instead;
  }
  override failed(): Decision | undefined {
    return this.instead;
  }
}

/** Plays a connection and answers the transitions that it takes, as `phase input`, by table. */
function transitions(policy: TestPolicy, steps: readonly Step[], options: PlayOptions): [string[], string[]] {
  const player = new Player(policy, options);
  const { machine } = player;
  const { downstream } = machine;
  const request: string[] = [];
  const response: string[] = [];
  const step = downstream.step.bind(downstream);
  downstream.step = (input) => {
    request.push(`${REQUEST_PHASES[downstream.phase]} ${REQUEST_INPUTS[input]}`);
    step(input);
  };
  const stepResponse = machine.stepResponse.bind(machine);
  machine.stepResponse = (input) => {
    response.push(`${RESPONSE_PHASES[machine.responsePhase]} ${RESPONSE_INPUTS[input]}`);
    stepResponse(input);
  };
  player.play(steps);
  return [request, response];
}

/** Every cell of a table, as `phase input`. */
function cells(table: Readonly<Record<string, Partial<Record<string, string>>>>): string[] {
  return Object.entries(table).flatMap(([phase, row]) =>
    Object.keys(row).map((input) => `${phase} ${input}`),
  );
}

describe('machine: transitions', () => {
  for (const script of SCRIPTS) {
    it(script.name, () => {
      const { verdict } = script;
      const [request, response] = transitions(new ScriptPolicy(script), script.steps, {
        autoConnect: script.autoConnect ?? true,
        ...(verdict === undefined ? {} : { verdict: () => verdict }),
      });
      expect(request, 'request').to.deep.equal(script.request);
      expect(response, 'response').to.deep.equal(script.response);
    });
  }

  it('are all taken by these scripts', () => {
    const taken = (pick: (script: Script) => readonly string[]): string[] => [
      ...new Set(SCRIPTS.flatMap(pick)),
    ];
    expect(taken(({ request }) => request)).to.have.members(cells(REQUEST_TABLE));
    expect(taken(({ response }) => response)).to.have.members(cells(RESPONSE_TABLE));
  });

  it('are those of the tables in every connection of the case table', () => {
    const known = [cells(REQUEST_TABLE), cells(RESPONSE_TABLE)];
    for (const one of CASES) {
      const policy = new TestPolicy(one.plan ?? forward(), {}, one.defaults);
      const taken = transitions(policy, one.steps, { autoConnect: one.autoConnect ?? true });
      taken.forEach((list, i) => expect(known[i], one.name).to.include.members(list));
    }
  });

  describe('in docs/machine.md', () => {
    const text = readFileSync(new URL('../../../docs/machine.md', import.meta.url), 'utf8');

    /** The paragraphs of one table: by phase its text, and `input → phase` for each line about a transition. */
    function documented(heading: string): Map<string, { text: string; transitions: string[] }> {
      const [, rest] = text.split(`\n### ${heading}\n`);
      const section = rest.split(/\n##{1,2} /)[0];
      const phases = section.split(/\n#### /).slice(1);
      return new Map(
        phases.map((phase): [string, { text: string; transitions: string[] }] => {
          const [name, ...lines] = phase.split('\n');
          const found = [...phase.matchAll(/^- `(\w+)` → \*\*(\w+)\*\*: \S/gm)];
          const prose = lines.join('\n').split(/^- /m)[0].trim();
          return [name, { text: prose, transitions: found.map(([, input, to]) => `${input} → ${to}`) }];
        }),
      );
    }

    for (const [heading, table] of [
      ['Phases of the request', REQUEST_TABLE],
      ['Phases of the response', RESPONSE_TABLE],
    ] as const) {
      it(`each phase has its paragraph and each transition its line: ${heading.toLowerCase()}`, () => {
        const pages = documented(heading);
        expect([...pages.keys()]).to.deep.equal(Object.keys(table));
        for (const [phase, row] of Object.entries(table)) {
          const page = pages.get(phase)!;
          expect(page.text.length, `${phase} has a paragraph`).to.be.above(40);
          expect(page.transitions, phase).to.deep.equal(
            Object.entries(row).map(([input, to]) => `${input} → ${to}`),
          );
        }
      });
    }
  });
});
