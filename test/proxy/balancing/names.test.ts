/**
 * How answers of name servers become peers.
 */
import { expect } from 'chai';
import { Balancer } from '../../../src/proxy/balancing/balancer.js';
import {
  serviceName,
  watchName,
  type NameService,
  type ServiceRecord,
} from '../../../src/proxy/balancing/names.js';
import { exchangeOf, POOL, upstreamServer } from '../fixtures.js';

const NOT_FOUND = Object.assign(new Error('no'), { code: 'ENOTFOUND' });

/** A service that knows these. */
function knowing(hosts: Record<string, string[]>, records: ServiceRecord[] = []): NameService {
  return {
    host: (name) =>
      name in hosts
        ? Promise.resolve({ addresses: hosts[name], validMs: 1000 * hosts[name].length })
        : Promise.reject(NOT_FOUND),
    service: () => (records.length === 0 ? Promise.reject(NOT_FOUND) : Promise.resolve(records)),
  };
}

function watching(names: NameService, service = ''): { renew: () => Promise<number>; peers: () => string } {
  const server = upstreamServer('app.test', { addresses: [], maxFails: 0 });
  const balancer = new Balancer([server]);
  const view = balancer.view(POOL);
  const options = {
    balancer,
    server,
    names,
    host: 'app.test',
    port: 80,
    service,
    timeoutMs: 1,
    log: () => undefined,
  };
  return {
    renew: watchName(options).renew,
    peers: () => {
      const exchange = exchangeOf();
      return Array.from({ length: 6 }, () => view.next(exchange, 0)?.name ?? '-').join(' ');
    },
  };
}

describe('names that are resolved while the proxy runs', () => {
  it('has no peer before the first answer, and those of the last answer behind it', async () => {
    const hosts: Record<string, string[]> = {
      'app.test': ['192.0.2.2', '192.0.2.1', '192.0.2.2', '2001:db8::1'],
    };
    const { renew, peers } = watching(knowing(hosts));
    expect(peers()).to.equal('- - - - - -');
    expect(await renew()).to.equal(4000);
    expect(peers()).to.equal(
      '192.0.2.1:80 192.0.2.2:80 [2001:db8::1]:80 192.0.2.1:80 192.0.2.2:80 [2001:db8::1]:80',
    );
    hosts['app.test'] = ['192.0.2.9'];
    await renew();
    expect(peers().split(' ')[0]).to.equal('192.0.2.9:80');
  });

  it('a service: ports and weights of its records, hosts without an address left out, the shortest time', async () => {
    const hosts = { 'a.test': ['192.0.2.1'], 'b.test': ['192.0.2.2', '192.0.2.3'] };
    const { renew, peers } = watching(
      knowing(hosts, [
        { host: 'a.test', port: 81, priority: 1, weight: 0 },
        { host: 'b.test', port: 82, priority: 1, weight: 1 },
        { host: 'c.test', port: 83, priority: 1, weight: 1 },
      ]),
      '_http._tcp.app.test',
    );
    expect(await renew()).to.equal(1000);
    expect(peers()).to.include('192.0.2.1:81').and.to.include('192.0.2.3:82').and.not.include(':83');
  });

  it('records of higher priority numbers are backups', async () => {
    const hosts = { 'a.test': ['192.0.2.1'], 'b.test': ['192.0.2.2'] };
    const { renew, peers } = watching(
      knowing(hosts, [
        { host: 'b.test', port: 82, priority: 20, weight: 1 },
        { host: 'a.test', port: 81, priority: 10, weight: 1 },
      ]),
      'x',
    );
    await renew();
    expect(peers()).to.equal(Array(6).fill('192.0.2.1:81').join(' '));
  });

  it('rejects when no host of a service has an address', async () => {
    const record = { host: 'a.test', port: 81, priority: 1, weight: 1 };
    const { renew } = watching(knowing({}, [record]), 'x');
    const failure = await renew().catch((error: unknown) => error);
    expect(failure).to.equal(NOT_FOUND);
  });

  it('names a service as RFC 2782 does, unless it names itself', () => {
    expect(serviceName('http', 'app.test')).to.equal('_http._tcp.app.test');
    expect(serviceName('_http._tcp', 'app.test')).to.equal('_http._tcp.app.test');
    expect(serviceName('server1.backend', 'app.test')).to.equal('server1.backend.app.test');
  });
});
