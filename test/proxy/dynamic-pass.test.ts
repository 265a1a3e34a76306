/** proxy_pass with variables: peers are the same for the same address, so that idle connections are found, and few. */
import { expect } from 'chai';
import { parseAddress } from '../../src/config/address.js';
import type { Peer } from '../../src/machine/policy.js';
import { RequestContext } from '../../src/proxy/context.js';
import { DynamicPass } from '../../src/proxy/dynamic-pass.js';
import { compileTemplate } from '../../src/proxy/template.js';
import { builtinVariables, VariableTable } from '../../src/proxy/variables.js';
import { exchangeOf, POOL } from './fixtures.js';

describe('proxy_pass with variables', () => {
  let url = '';
  const variables = new VariableTable(builtinVariables());
  variables.define('url', { text: () => url, put: undefined, isStable: false, isFound: undefined });
  const pass = new DynamicPass(compileTemplate('$url', variables), {
    known: () => undefined,
    parse: (text) => parseAddress(text, 'upstream'),
    pool: POOL,
    names: null,
  });

  function peerOf(to: string): Peer {
    url = to;
    const exchange = exchangeOf();
    const context = new RequestContext(0);
    exchange.context = context;
    expect(pass.prepare(exchange, context)).to.equal(0);
    return context.destination!.peers.next(exchange, 0)!;
  }

  it('the same address is the same peer, whatever stands behind it', () => {
    expect(peerOf('http://127.0.0.1:3000/a')).to.equal(peerOf('http://127.0.0.1:3000/b?c'));
    expect(peerOf('http://127.0.0.1')).to.equal(peerOf('http://127.0.0.1:80/'));
    expect(peerOf('http://unix:/a.sock:/x')).to.equal(peerOf('http://unix:/a.sock'));
  });

  it('another address, and another scheme, is another one', () => {
    const peers = [
      'http://127.0.0.1:443',
      'https://127.0.0.1:443',
      'http://127.0.0.2:443',
      'http://[::1]:443',
    ];
    expect(new Set(peers.map(peerOf)).size).to.equal(4);
    expect(peers.map((one) => peerOf(one).name)).to.deep.equal([
      '127.0.0.1:443',
      '127.0.0.1:443',
      '127.0.0.2:443',
      '[::1]:443',
    ]);
  });

  it('a client that makes up addresses makes wirehop forget old ones', () => {
    const first = peerOf('http://10.0.0.1:1');
    for (let i = 0; i < 1023; i++) peerOf(`http://10.1.${i >> 8}.${i & 255}:1`);
    expect(peerOf('http://10.0.0.1:1')).to.equal(first);
    peerOf('http://10.9.9.9:1');
    expect(peerOf('http://10.0.0.1:1')).not.to.equal(first);
  });
});
