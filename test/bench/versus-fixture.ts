/** A report of a side-by-side run with fixed figures, for what draws and joins reports. */
import { infoOf, type Figure, type VersusReport } from '../../bench/versus/figures.js';
import type { Spread } from '../../bench/statistics.js';
import { workNamed } from '../../bench/works.js';

/** Ten per cent to either side. */
export function around(median: number): Spread {
  return { median, q1: median * 0.9, q3: median * 1.1, min: median * 0.8, max: median * 1.2, runs: 5 };
}

/** Cost by work and peer. */
const COSTS: Record<string, Record<string, number>> = {
  http: {
    wirehop: 18.5,
    'wirehop (net)': 26,
    nginx: 16.8,
    HAProxy: 17.4,
    'http-proxy': 92,
    'http-proxy-3': 110,
  },
  'http-rate': { wirehop: 24, nginx: 22, HAProxy: 25, 'http-proxy-3': 140 },
  handshake: { wirehop: 80, nginx: 71, HAProxy: 69, 'http-proxy-3': 290 },
  'tunnel-16kb-64': { wirehop: 13, nginx: 46, HAProxy: 27, 'http-proxy-3': 24, 'bare relay': 22 },
  bulk: { wirehop: 250, nginx: 1300, HAProxy: 700, 'http-proxy-3': 720 },
  'idle-tunnels': { wirehop: 3.1, nginx: 18.2, HAProxy: 4.8, 'http-proxy-3': 21 },
};

function figure(work: string, peer: string, cost: number | null): Figure {
  const nginx = COSTS[work].nginx;
  return {
    work,
    peer,
    cost: cost === null ? null : around(cost),
    toNginx: cost === null ? null : around(cost / nginx),
    userShare: 0.3,
    rate: around(cost === null ? 70_000 : 1e6 / cost),
    p50: around(130),
    p99: around(cost === null ? 200 : cost * 20),
    p999: around(cost === null ? 400 : cost * 80),
    residentMb: cost === null ? null : around(80),
    proxyShare: cost === null ? 0 : 0.98,
    loadShare: 0.4,
    originShare: 0.35,
    coreBusy: cost === null ? 0 : 0.99,
    lateMs: 0.4,
  };
}

export function versusFixture(): VersusReport {
  const names = Object.keys(COSTS);
  return {
    environment: {
      date: '2026-01-02T03:04:05Z',
      node: 'v20.20.2',
      v8: '11.3',
      cpu: 'a <fast> processor',
      cores: 2,
      memoryGib: 24,
      kernel: '6.18',
      wirehop: '0.1.0',
      llhttpWasm: '1.0.3',
      benchmarkJs: '2.1.4',
    },
    command: 'npm run bench -- --versus',
    rounds: 5,
    measureMs: 1000,
    isPinned: true,
    works: names.map((name) => infoOf(workNamed(name), '2026-01-02T03:04Z')),
    peers: [
      { name: 'wirehop', about: 'the command', version: 'wirehop 0.1.0 on Node v20.20.2' },
      { name: 'nginx', about: 'the measure', version: 'nginx 1.22.1' },
      { name: 'no proxy', about: 'load and origin alone', version: '' },
    ],
    figures: names.flatMap((work) => [
      ...Object.entries(COSTS[work]).map(([peer, cost]) => figure(work, peer, cost)),
      ...(work === 'idle-tunnels' ? [] : [figure(work, 'no proxy', null)]),
    ]),
    skipped: [
      { peer: 'httpxy', work: '', reason: 'not installed: npm install --no-save httpxy' },
      {
        peer: 'http-proxy',
        work: 'idle-tunnels',
        reason: 'needs 16200 open files, 1024 are allowed (ulimit -Hn)',
      },
    ],
    failed: [],
  };
}
