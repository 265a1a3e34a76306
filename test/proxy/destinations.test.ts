/** Where CONNECT may lead: rules in order, and what is guarded without them. */
import { expect } from 'chai';
import { parseNetwork } from '../../src/proxy/cidr.js';
import { Destinations, type DestinationMatch, type DestinationRule } from '../../src/proxy/destinations.js';

/** `+` allows, `-` denies; then whom, and the ports. */
function rule(text: string): DestinationRule {
  const [whom, ...ports] = text.slice(1).split(' ');
  const network = parseNetwork(whom);
  const match: DestinationMatch =
    whom === 'all'
      ? { kind: 'all' }
      : network !== undefined
        ? { kind: 'network', network }
        : whom.startsWith('.')
          ? { kind: 'suffix', suffix: whom }
          : { kind: 'name', name: whom };
  return { allows: text.startsWith('+'), match, ports: ports.map((port) => [Number(port), Number(port)]) };
}

const ELSEWHERE = '192.0.2.9';
const CASES: {
  rules: string[];
  host: string;
  address?: string;
  port?: number;
  client?: string;
  is: string;
}[] = [
  { rules: [], host: '198.51.100.1', is: 'allowed' },
  { rules: [], host: 'a.test', address: '', is: 'address' },
  { rules: [], host: 'a.test', address: '10.0.0.1', is: 'allowed' },
  { rules: ['-all'], host: 'a.test', address: '', is: 'refused' },
  { rules: ['+a.test', '-all'], host: 'a.test', address: '', is: 'allowed' },
  { rules: ['+a.test', '-all'], host: 'b.a.test', address: '', is: 'refused' },
  { rules: ['+.a.test', '-all'], host: 'b.a.test', address: '198.51.100.1', is: 'allowed' },
  { rules: ['+.a.test', '-all'], host: 'a.test', address: '198.51.100.1', is: 'refused' },
  { rules: ['+.a.test', '-all'], host: 'evila.test', address: '198.51.100.1', is: 'refused' },
  { rules: ['+a.test 443', '-all'], host: 'a.test', address: '', port: 443, is: 'allowed' },
  { rules: ['+a.test 443', '-all'], host: 'a.test', address: '', port: 22, is: 'refused' },
  { rules: ['-10.0.0.0/8', '+all'], host: 'a.test', address: '', is: 'address' },
  { rules: ['-10.0.0.0/8', '+all'], host: 'a.test', address: '10.1.2.3', is: 'refused' },
  { rules: ['-10.0.0.0/8', '+all'], host: 'a.test', address: '::ffff:10.1.2.3', is: 'refused' },
  { rules: ['-10.0.0.0/8', '+all'], host: 'a.test', address: '11.1.2.3', is: 'allowed' },
  // What is guarded.
  ...[
    '127.0.0.1',
    '127.9.9.9',
    '::1',
    '::',
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    'fe80::1',
    'febf::1',
  ].map((host) => ({ rules: ['+all'], host, is: 'refused' })),
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:a9fe:a9fe', '::FFFF:0:0'].map((host) => ({
    rules: [],
    host,
    is: 'refused',
  })),
  { rules: [], host: 'fec0::1', is: 'allowed' },
  { rules: ['+.test'], host: 'a.test', address: '127.0.0.1', is: 'refused' },
  { rules: ['+0.0.0.0/0'], host: '127.0.0.1', is: 'refused' },
  { rules: ['+126.0.0.0/7'], host: '127.0.0.1', is: 'refused' },
  // Named, and so open.
  { rules: ['+127.0.0.1'], host: '127.0.0.1', is: 'allowed' },
  { rules: ['+127.0.0.1'], host: '127.0.0.2', is: 'refused' },
  { rules: ['+127.0.0.0/8'], host: '::ffff:7f00:1', is: 'allowed' },
  { rules: ['+fe80::/64'], host: 'fe80::1', is: 'allowed' },
  { rules: ['+a.test'], host: 'a.test', address: '127.0.0.1', is: 'allowed' },
  { rules: ['-127.0.0.1 22', '+127.0.0.1'], host: '127.0.0.1', port: 22, is: 'refused' },
  // Whoever is here may stay here.
  { rules: [], host: '127.0.0.1', client: '127.0.0.1', is: 'allowed' },
  { rules: [], host: '::1', client: '::ffff:127.0.0.1', is: 'allowed' },
  { rules: ['-127.0.0.0/8'], host: '127.0.0.1', client: '127.0.0.1', is: 'refused' },
  { rules: [], host: '169.254.169.254', client: '127.0.0.1', is: 'refused' },
  { rules: [], host: '127.0.0.1', client: 'unix:', is: 'refused' },
];

describe('destinations of CONNECT', () => {
  for (const { rules, host, address = host, port = 443, client = ELSEWHERE, is } of CASES) {
    it(`${rules.join(' ') || 'no rule'}: ${host} at ${address || 'no address yet'}, port ${port}, for ${client}: ${is}`, () => {
      expect(new Destinations(rules.map(rule)).judge(host, address, port, client)).to.equal(is);
    });
  }
});
