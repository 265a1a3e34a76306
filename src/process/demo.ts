/**
 * `npm start`: the proxy as the command runs it, in front of a small upstream with a WebSocket chat. Shows the generated
 * configuration, so that a reader sees what to write; serves through the same code as the command.
 */
import { createServer } from 'node:net';
import { readCommandLine } from './command-line.js';
import { loadConfiguration, resolvePaths } from './configuration.js';
import { DemoUpstream } from './demo-upstream.js';
import { Logs, STDERR } from './logs.js';
import { configurationText } from './one-liner.js';
import { renderConfigError } from './report.js';
import { chooseTransport, obeySignals, Service } from './serve.js';

const DEFAULT_PORT = 8080;
/** How many ports behind the wanted one are tried when it is busy. */
const PORTS_TRIED = 20;

async function run(): Promise<number | undefined> {
  const wanted = readPort(process.env.PORT);
  if (wanted === undefined) return fail(`PORT must be a number from 1 to 65535, not "${process.env.PORT}"`);
  const port = await freePort(wanted);
  if (port === undefined)
    return fail(`no port from ${wanted} to ${wanted + PORTS_TRIED - 1} is free; set PORT`);

  const upstream = new DemoUpstream();
  const upstreamPort = await upstream.listen();
  const line = readCommandLine(['--listen', String(port), '--upstream', `http://127.0.0.1:${upstreamPort}`]);
  upstream.configuration = configurationText(line);

  const logs = new Logs();
  const { config, errors, sources } = await loadConfiguration(line, resolvePaths(line), logs);
  if (config === undefined)
    return fail(errors.map((error) => renderConfigError('emerg', error, sources)).join(''));
  const service = new Service({
    transport: await chooseTransport('auto', logs.errorLog(STDERR, 'error')),
    config,
    logs,
    log: logs.errorLog(STDERR, 'error'),
    exit: (code) => {
      upstream.close();
      process.exit(code);
    },
  });
  obeySignals(service, logs.errorLog(STDERR, 'error'));
  const failures = await service.start('');
  if (failures.length > 0) return fail(failures.join('\n'));

  if (port !== wanted)
    say(`Port ${wanted} is busy, so this is port ${port}. PORT=${wanted} would ask for it again.\n`);
  say(invitation(`http://localhost:${port}`, upstream.configuration));
  return undefined;
}

function invitation(address: string, configuration: string): string {
  return `wirehop serves this configuration:

${configuration.replace(/^(?=.)/gm, '    ')}
Open ${address}/ in two browser windows and chat: page and WebSocket both come through the proxy.
Or in a terminal:

    curl ${address}/headers
    curl -d 'some content' ${address}/echo
    curl -N ${address}/stream

Ctrl-C stops.
`;
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** The first port from `wanted` on that nobody listens on. */
async function freePort(wanted: number): Promise<number | undefined> {
  for (let port = wanted; port < wanted + PORTS_TRIED && port <= 65535; port++) {
    if (await isFree(port)) return port;
  }
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

function say(text: string): void {
  process.stdout.write(text);
}

function fail(text: string): number {
  process.stderr.write(`wirehop demo: ${text.trimEnd()}\n`);
  return 1;
}

process.exitCode = (await run()) ?? 0;
if (process.exitCode !== 0) process.exit();
