/**
 * Tries bare handles out before anyone relies on them: they are private to Node, and a version to come may change them.
 */
import { OctetWriter } from '../bytes/octet-writer.js';
import { handleNetwork } from './handle-transport.js';
import type { DialEvents, Listener, Network, Transport, TransportEvents } from './transport.js';

const NO_EVENTS: TransportEvents = {
  onChunk: () => undefined,
  onEnd: () => undefined,
  onFailure: () => undefined,
  onDrain: () => undefined,
};

/** How long the trial may take; a loopback connection needs a few milliseconds. */
const TRIAL_TIMEOUT_MS = 2000;

/**
 * Tries the private parts out on a loopback connection: octets both ways, a write that has to wait and resumes, and a
 * half-close. Resolves to '' when all is well, else to what is wrong.
 */
export async function tryHandles(): Promise<string> {
  const out = new OctetWriter();
  let network: Network;
  try {
    network = handleNetwork(out);
  } catch (error) {
    return (error as Error).message;
  }
  const transports: Transport[] = [];
  let listener: Listener | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve('a trial connection came to nothing'), TRIAL_TIMEOUT_MS);
      runTrial(network, out, transports, resolve).then(
        (listening) => (listener = listening),
        (error: unknown) => resolve((error as Error).message),
      );
    });
  } finally {
    clearTimeout(timer);
    listener?.close();
    for (const transport of transports) transport.destroy(false);
  }
}

/** Larger than what the kernel takes at once, so that the write has to wait. */
const TRIAL_OCTETS = 16 * 1024 * 1024;

async function runTrial(
  network: Network,
  out: OctetWriter,
  transports: Transport[],
  done: (fault: string) => void,
): Promise<Listener> {
  const bulk = Buffer.alloc(TRIAL_OCTETS, 0x5a);
  let received = 0;
  let hasDrained = false;
  const server: TransportEvents = {
    ...NO_EVENTS,
    onChunk: (transport, chunk, start, end) => {
      if (chunk.toString('latin1', start, end) !== 'ping') done('octets arrived changed');
      transport.write(bulk, 0, bulk.length, false);
      if (!transport.isBlocked) done('a write that cannot be whole did not wait');
    },
    onDrain: (transport) => {
      hasDrained = true;
      transport.end();
    },
    onFailure: (_transport, detail) => done(`the trial connection failed (${detail})`),
  };
  const listener = await network.listen(
    { host: '127.0.0.1', port: 0 },
    (transport) => {
      transport.events = server;
      transports.push(transport);
      transport.read(true);
    },
    (code) => done(`accept failed (${code})`),
  );
  const { host, port } = listener.bound as { host: string; port: number };
  const client: DialEvents = {
    ...server,
    onConnect: (transport) => {
      transport.read(true);
      out.begin();
      out.putLatin1('ping');
      transport.write(out.octets, out.start, out.position, false);
      // Not read for a moment, so that the other side's write fills every buffer.
      transport.read(false);
      setImmediate(() => transport.read(true));
    },
    onChunk: (_transport, _chunk, start, end) => (received += end - start),
    onEnd: () => {
      done(hasDrained && received === TRIAL_OCTETS ? '' : `${received} octets of ${TRIAL_OCTETS} arrived`);
    },
  };
  const pool = { maxIdle: 0, idleTimeoutMs: 0, maxRequests: 0, maxAgeMs: 0 };
  transports.push(network.connect({ name: 'trial', host, port, path: '', pool }, client));
  return listener;
}
