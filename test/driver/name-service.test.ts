/**
 * Names asked for while the proxy runs, against a name server of the test's own: what is asked, for how long answers
 * are kept, what becomes of failures.
 */
import { expect } from 'chai';
import { DnsNameService, NameWatcher, type Watched } from '../../src/driver/name-service.js';
import { a, aaaa, NameServer, srv, type Zone } from './name-server.js';

describe('name service', () => {
  let server: NameServer;
  let address: string;
  const zone: Zone = {};

  before(async () => {
    server = new NameServer(zone);
    address = await server.start();
  });
  after(() => server.stop());
  beforeEach(() => {
    server.asked.length = 0;
    for (const key of Object.keys(zone)) delete zone[key];
  });

  const service = (options: Partial<ConstructorParameters<typeof DnsNameService>[0]> = {}): DnsNameService =>
    new DnsNameService({
      servers: [address],
      validMs: null,
      ipv4: true,
      ipv6: true,
      timeoutMs: 2000,
      ...options,
    });
  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      (error: NodeJS.ErrnoException) => error.code ?? 'no code',
    );

  it('asks for both families and takes the shortest time to live', async () => {
    zone['A one.test'] = [a('one.test', '192.0.2.1', 60), a('one.test', '192.0.2.2', 30)];
    zone['AAAA one.test'] = [aaaa('one.test', '2001:db8::1', 90)];
    const { addresses, validMs } = await service().host('one.test');
    expect([...addresses].sort()).to.deep.equal(['192.0.2.1', '192.0.2.2', '2001:db8::1']);
    expect(validMs).to.equal(30_000);
    expect(server.asked.sort()).to.deep.equal(['A one.test', 'AAAA one.test']);
  });

  it('asks for one family where the other is off', async () => {
    zone['A one.test'] = [a('one.test', '192.0.2.1')];
    await service({ ipv6: false }).host('one.test');
    expect(server.asked).to.deep.equal(['A one.test']);
  });

  it('keeps an answer for as long as it says, or as valid= says, and asks once for all who wait', async () => {
    zone['A one.test'] = [a('one.test', '192.0.2.1', 60)];
    const names = service({ ipv6: false });
    await Promise.all([names.host('one.test'), names.host('one.test')]);
    await names.host('one.test');
    expect(server.asked).to.have.length(1);
    const short = service({ ipv6: false, validMs: 0 });
    expect((await short.host('one.test')).validMs).to.equal(0);
    await short.host('one.test');
    expect(server.asked).to.have.length(3);
  });

  it('keeps so many names: beyond them the oldest is asked for again', async () => {
    const name = (i: number): string => `n${i}.test`;
    for (let i = 0; i <= 1024; i++) zone[`A ${name(i)}`] = [a(name(i), '192.0.2.1', 600)];
    const names = service({ ipv6: false });
    // A few at a time: the name server of this test drops what comes all at once.
    for (let from = 0; from < 1024; from += 32)
      await Promise.all(Array.from({ length: 32 }, (_, i) => names.host(name(from + i))));
    expect(server.asked).to.have.length(1024);
    await names.host(name(0));
    expect(server.asked).to.have.length(1024);
    await names.host(name(1024));
    await names.host(name(0));
    expect(server.asked.slice(1024)).to.deep.equal([`A ${name(1024)}`, `A ${name(0)}`]);
  });

  it('tells what went wrong by code, and asks again after a failure', async () => {
    zone['A empty.test'] = [];
    zone['A broken.test'] = 'failure';
    zone['A silent.test'] = 'silence';
    expect(await codeOf(service().host('absent.test'))).to.equal('ENOTFOUND');
    expect(await codeOf(service().host('empty.test'))).to.equal('ENODATA');
    expect(await codeOf(service({ ipv6: false }).host('broken.test'))).to.equal('ESERVFAIL');
    expect(await codeOf(service({ ipv6: false, timeoutMs: 100 }).host('silent.test'))).to.match(
      /ECANCELLED|ETIMEOUT/,
    );
    const names = service({ ipv6: false });
    expect(await codeOf(names.host('late.test'))).to.equal('ENOTFOUND');
    zone['A late.test'] = [a('late.test', '192.0.2.9')];
    expect((await names.host('late.test')).addresses).to.deep.equal(['192.0.2.9']);
  });

  it('an address of one family is enough', async () => {
    zone['A one.test'] = [a('one.test', '192.0.2.1')];
    zone['AAAA one.test'] = 'failure';
    expect((await service().host('one.test')).addresses).to.deep.equal(['192.0.2.1']);
  });

  it('finds the records of a service; "." says that there is none', async () => {
    zone['SRV _http._tcp.one.test'] = [
      srv('_http._tcp.one.test', 'b.one.test', 8080, 1, 5),
      srv('_http._tcp.one.test', '.', 0),
    ];
    const [record, ...rest] = await service().service('_http._tcp.one.test');
    expect(record).to.include({ host: 'b.one.test', port: 8080, priority: 1, weight: 5 });
    expect(rest).to.deep.equal([]);
  });
});

describe('name watcher', () => {
  /** A name that is renewed `times`, and what happened to it. */
  function watched(renew: () => Promise<number>): { name: Watched; log: string[] } {
    const log: string[] = [];
    return {
      log,
      name: {
        name: 'one.test',
        timeoutMs: 1000,
        renew: () => {
          log.push('renew');
          return renew();
        },
        clear: () => log.push('clear'),
        failed: (reason) => log.push(`failed ${reason}`),
      },
    };
  }
  const failure = (code: string): Promise<number> => Promise.reject(Object.assign(new Error(code), { code }));
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('renews an answer when it has expired, no sooner than after a second', async () => {
    const { name, log } = watched(() => Promise.resolve(0));
    const watcher = new NameWatcher([name]);
    await watcher.start();
    expect(log).to.deep.equal(['renew']);
    await sleep(1300);
    expect(log).to.deep.equal(['renew', 'renew']);
    watcher.stop();
    await sleep(1200);
    expect(log, 'nothing after the stop').to.deep.equal(['renew', 'renew']);
  });

  it('a name that does not exist loses its addresses, any other failure keeps them', async () => {
    const gone = watched(() => failure('ENOTFOUND'));
    const failing = watched(() => failure('ESERVFAIL'));
    const watcher = new NameWatcher([gone.name, failing.name]);
    await watcher.start();
    watcher.stop();
    expect(gone.log).to.deep.equal(['renew', 'failed ENOTFOUND', 'clear']);
    expect(failing.log).to.deep.equal(['renew', 'failed ESERVFAIL']);
  });

  it('a stop in the middle of an answer sets no timer', async () => {
    const { name, log } = watched(async () => {
      await sleep(20);
      return 0;
    });
    const watcher = new NameWatcher([name]);
    const started = watcher.start();
    watcher.stop();
    await started;
    await sleep(1200);
    expect(log).to.deep.equal(['renew']);
  });
});
