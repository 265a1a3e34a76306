/**
 * `geo` and `split_clients`: blocks of pairs that make a variable. Decides their grammar, in nginx's words; leaves
 * lookups to `proxy/geo.ts` and `proxy/split-clients.ts`.
 */
import type { Network } from '../../proxy/cidr.js';
import { parseNetwork } from '../../proxy/cidr.js';
import { packAddress } from '../../proxy/fields.js';
import { addressNumber, NetworkTable, RangeTable, type AddressRange } from '../../proxy/geo.js';
import type { Share } from '../../proxy/split-clients.js';
import type { HttpLevel } from '../blocks.js';
import { faultAt, type Directive, type Word } from '../syntax.js';
import { entry, type Entry, type Walk } from '../table.js';

export const GEO_DIRECTIVES: readonly Entry[] = [
  entry<HttpLevel>({
    name: 'geo',
    contexts: ['http'],
    args: [1, 2],
    isBlock: true,
    syntax: '[$address] $variable { ... }',
    fallback: '',
    page: 'http/ngx_http_geo_module.html',
    kind: 'nginx',
    note: 'With `default`, `delete`, `include`, `proxy`, `proxy_recursive` and `ranges`.',
    apply(directive, http, walk) {
      for (const word of directive.args) checkName(word);
      const nameWord = directive.args.at(-1)!;
      const source = directive.args.length === 2 ? directive.args[0] : null;
      const block = new GeoBlock(walk);
      for (const line of directive.block ?? []) block.read(line);
      const { table, proxies, isRecursive } = block;
      const defaultValue = block.defaultValue ?? '';
      http.geos.push({ source, nameWord, table, defaultValue, proxies, isRecursive });
    },
  }),
  entry<HttpLevel>({
    name: 'split_clients',
    contexts: ['http'],
    args: [2, 2],
    isBlock: true,
    syntax: 'string $variable { ... }',
    fallback: '',
    page: 'http/ngx_http_split_clients_module.html',
    kind: 'nginx',
    note: 'The shares are those of nginx: the same text falls into the same one.',
    apply(directive, http) {
      const [source, nameWord] = directive.args;
      checkName(nameWord);
      const shares = (directive.block ?? []).map(readShare);
      let sum = 0;
      for (const { hundredths } of shares) {
        sum = hundredths === 0 ? 10_000 : sum + hundredths;
        if (sum > 10_000) throw faultAt(directive, 'percent total is greater than 100%');
      }
      // Behind "*" nothing is left.
      const rest = shares.findIndex(({ hundredths }) => hundredths === 0);
      if (rest >= 0 && rest < shares.length - 1)
        throw faultAt(directive, 'percent total is greater than 100%');
      http.splits.push({ source, nameWord, shares });
    },
  }),
];

function checkName(word: Word): void {
  if (!/^\$[A-Za-z0-9_]+$/.test(word.text))
    throw faultAt(word, `invalid variable name "${word.text.replace(/^\$/, '')}"`);
}

function readShare(line: Directive): Share {
  const { name, args, block } = line;
  if (block !== null) throw faultAt(line, 'unexpected "{"');
  if (args.length !== 1) throw faultAt(line, 'invalid number of the split_clients parameters');
  const value = args[0].text;
  if (name === '*') return { hundredths: 0, value };
  const match = /^(\d+)(?:\.(\d{1,2}))?%$/.exec(name);
  const hundredths = match === null ? 0 : Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  if (hundredths === 0) throw faultAt(line, `invalid percent value "${name}"`);
  return { hundredths, value };
}

/** The lines of one `geo`. */
class GeoBlock {
  table: NetworkTable | RangeTable = new NetworkTable();
  defaultValue: string | null = null;
  readonly proxies: Network[] = [];
  isRecursive = false;
  private lines = 0;

  constructor(private readonly walk: Walk) {}

  read(line: Directive): void {
    const { name, args, block } = line;
    this.lines++;
    if (block !== null) throw faultAt(line, 'unexpected "{"');
    if (args.length === 0) return this.flag(line);
    if (args.length !== 1) throw faultAt(line, 'invalid number of the geo parameters');
    const value = args[0].text;
    if (name === 'proxy') {
      this.proxies.push(this.network(args[0]));
    } else if (name === 'default') {
      if (this.defaultValue !== null && this.defaultValue !== value)
        this.warn(line, `duplicate network "default", value: "${value}", old value: "${this.defaultValue}"`);
      this.defaultValue = value;
    } else if (this.table instanceof RangeTable) {
      this.range(this.table, line, value);
    } else if (name === 'delete') {
      if (!this.table.delete(this.network(args[0]))) this.warn(line, `no network "${value}" to delete`);
    } else {
      const network = this.network({ ...line, text: name, quoted: false });
      const old = this.table.set(network, value);
      if (old !== undefined)
        this.warn(line, `duplicate network "${name}", value: "${value}", old value: "${old}"`);
    }
  }

  private flag(line: Directive): void {
    if (line.name === 'ranges') {
      if (this.lines > 1)
        throw faultAt(line, 'the "ranges" directive must be the first directive inside "geo" block');
      this.table = new RangeTable();
    } else if (line.name === 'proxy_recursive') {
      this.isRecursive = true;
    } else {
      throw faultAt(line, 'invalid number of the geo parameters');
    }
  }

  private network(word: Word): Network {
    const network = parseNetwork(word.text);
    if (network === undefined || network.base === '') throw faultAt(word, `invalid network "${word.text}"`);
    if (!network.isPrecise) this.warn(word, `low address bits of ${word.text} are meaningless`);
    return network;
  }

  private range(table: RangeTable, line: Directive, value: string): void {
    const deletes = line.name === 'delete';
    const text = deletes ? value : line.name;
    const range = readRange(text);
    if (range === null) throw faultAt(line, `invalid range "${text}"`);
    if (deletes) {
      if (!table.delete(range)) this.warn(line, `no address range "${text}" to delete`);
      return;
    }
    const found = table.set(range, value);
    if (found === undefined) return;
    if ('overlaps' in found) throw faultAt(line, `range "${text}" overlaps "${rangeText(found.overlaps)}"`);
    this.warn(line, `duplicate range "${text}", value: "${value}", old value: "${found.old}"`);
  }

  private warn(at: Directive | Word, text: string): void {
    this.walk.warn(faultAt(at, text));
  }
}

const RANGE = /^(\d+\.\d+\.\d+\.\d+)-(\d+\.\d+\.\d+\.\d+)$/;

function readRange(text: string): AddressRange | null {
  const match = RANGE.exec(text);
  if (match === null) return null;
  const [start, end] = [match[1], match[2]].map((address) =>
    parseNetwork(address) === undefined ? -1 : addressNumber(packAddress(address)),
  );
  // nginx takes 255.255.255.255 for an address that is none.
  return start < 0 || end < start || end === 0xffffffff ? null : { start, end };
}

function rangeText({ start, end }: AddressRange): string {
  const text = (address: number): string =>
    [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
  return `${text(start)}-${text(end)}`;
}
