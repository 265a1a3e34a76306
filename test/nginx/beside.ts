/**
 * The same configuration through nginx and through wirehop, side by side, and the same requests to both. One of each
 * serves for a whole table of cases.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  exchangeRaw,
  freePorts,
  onCleanUp,
  startHttpUpstream,
  startProxy,
  temporaryFolder,
  until,
} from '../e2e/harness.js';

export const NGINX = '/usr/sbin/nginx';

/** One request, and what stands in the table about it. */
export interface Ask {
  readonly host: string;
  readonly target: string;
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back, as far as the two have to agree. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** A running pair. */
export interface Pair {
  ask(one: Ask): Promise<{ nginx: Answer; wirehop: Answer }>;
  /** Writes the same octets to both, and answers what came until the end. */
  raw(octets: string): Promise<{ nginx: string; wirehop: string }>;
  /** A file that both write, without ports. */
  file(name: string): { nginx: string; wirehop: string };
  /** Where both listen. */
  readonly ports: { readonly nginx: number; readonly wirehop: number };
  /** Text of the error logs so far, without times, numbers and what wirehop adds. */
  errors(): { nginx: string[]; wirehop: string[] };
}

/**
 * Starts both. In the text @PORT@ is the port to listen on, @UP@ that of an upstream that tells what it got, and @DEAD@
 * a port where nobody listens.
 * @param http what stands in `http`
 */
export async function startPair(http: string): Promise<Pair> {
  const upstream = await startHttpUpstream(tell);
  const [nginxPort, wirehopPort, dead] = await freePorts(3);
  const fill = (port: number): string =>
    http
      .replaceAll('@PORT@', `127.0.0.1:${port}`)
      .replaceAll('@UP@', `127.0.0.1:${upstream.port}`)
      .replaceAll('@DEAD@', `127.0.0.1:${dead}`);
  const nginxFolder = await startNginx(fill(nginxPort), nginxPort);
  const command = await startProxy(
    `daemon off; pid wirehop.pid; error_log error.log notice; events {}\nhttp { access_log off;\n${fill(wirehopPort)}\n}\n`,
  );
  const ports = [nginxPort, wirehopPort, upstream.port, dead];
  return {
    async ask(one) {
      const [nginx, wirehop] = await Promise.all([askOne(nginxPort, one), askOne(wirehopPort, one)]);
      return { nginx: neutral(nginx, ports), wirehop: neutral(wirehop, ports) };
    },
    async raw(octets) {
      const [nginx, wirehop] = await Promise.all([
        exchangeRaw(nginxPort, octets),
        exchangeRaw(wirehopPort, octets),
      ]);
      return { nginx: plain(nginx, ports), wirehop: plain(wirehop, ports) };
    },
    file(name) {
      const nginx = readFileSync(join(nginxFolder, name), 'latin1');
      return { nginx: plain(nginx, ports), wirehop: plain(command.file(name), ports) };
    },
    ports: { nginx: nginxPort, wirehop: wirehopPort },
    errors() {
      const nginx = readFileSync(join(nginxFolder, 'error.log'), 'latin1');
      return { nginx: logLines(nginx, ports), wirehop: logLines(command.file('error.log'), ports) };
    },
  };
}

async function startNginx(http: string, port: number): Promise<string> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'temp'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path temp/${kind};`,
  );
  // nginx before 1.29.7 speaks HTTP/1.0 to upstreams, and says that it closes.
  const defaults = 'proxy_http_version 1.1; access_log off;';
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; master_process off; pid nginx.pid; error_log error.log notice; events {}\nhttp { ${paths.join(' ')} ${defaults}\n${http}\n}\n`,
  );
  const child = spawn(NGINX, ['-p', folder, '-c', file, '-e', 'error.log'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve(void (hasEnded = true))));
  onCleanUp(() => {
    child.kill('SIGTERM');
    return ended;
  });
  await until('nginx to listen', () => {
    if (hasEnded) throw new Error(`nginx ended: ${complaint}`);
    return existsSync(join(folder, 'nginx.pid')) && listens(port);
  });
  return folder;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Answers with what was received. X-Want asks for another status and other fields: `503 Name: value | Name: value`. */
function tell(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers, rawHeaders } = request;
    const own = Object.keys(headers)
      .filter((name) => /^(x-|content-|cookie)/.test(name) && name !== 'x-want')
      .sort();
    const lines = [
      `${method} ${url}`,
      `host ${headers.host ?? '-'}`,
      ...own.map((name) => `${name}: ${String(headers[name])}`),
      ...(rawHeaders.filter((name) => name.toLowerCase() === 'host').length > 1 ? ['host twice'] : []),
      `body ${Buffer.concat(chunks).toString('latin1')}`,
    ];
    const [status, ...fields] = (headers['x-want'] as string | undefined)?.split(' ') ?? ['200'];
    for (const field of fields.join(' ').split(' | ').filter(Boolean)) {
      const colon = field.indexOf(': ');
      response.appendHeader(field.slice(0, colon), field.slice(colon + 2));
    }
    response.writeHead(Number(status), { 'Content-Type': 'text/told' });
    response.end(lines.join('\n'));
  });
}

function askOne(port: number, { host, target, method = 'GET', fields = {}, body }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      Host: host,
      ...fields,
      ...(body === undefined ? {} : { 'Content-Length': body.length }),
    };
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path: target, headers, agent: false, timeout: 5000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode = 0, statusMessage = '', headers: received } = response;
          const told: Record<string, string | string[]> = {};
          for (const [name, value] of Object.entries(received)) {
            if (
              /^(location|refresh|content-type|set-cookie|www-authenticate|x-|last-modified|etag|.*ranges?$|expires$|cache-)/.test(
                name,
              )
            )
              told[name] = value!;
          }
          resolve({
            status: statusCode,
            reason: statusMessage,
            fields: told,
            body: Buffer.concat(chunks).toString('latin1'),
          });
        });
      },
    );
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`${method} ${target} took too long`)));
    request.end(body);
  });
}

/** Without ports and names of the programs. */
function plain(text: string, ports: readonly number[]): string {
  let without = text.replace(/<center>(nginx|wirehop)[^<]*<\/center>/g, '<center>server</center>');
  without = without.replace(/^Server: .*\r\n/gm, '').replace(/^Date: .*\r\n/gm, '');
  // What parts the pieces of several ranges.
  without = without.replace(/\b\d{20}\b/g, 'BOUNDARY');
  ports.forEach((port, i) => (without = without.replaceAll(`:${port}`, i < 2 ? ':PORT' : `:UP${i}`)));
  return without;
}

function neutral(answer: Answer, ports: readonly number[]): Answer {
  return JSON.parse(plain(JSON.stringify(answer), ports)) as Answer;
}

/** What a line says, without when, who and to whom. */
function logLines(text: string, ports: readonly number[]): string[] {
  return text
    .split('\n')
    .map((line) => /\[(\w+)\] \d+#\d+: \*\d+ (.*?)(?: \[[A-Z_]+, [^\]]*\])?, client: /.exec(line))
    .flatMap((match) => (match === null ? [] : [plain(`${match[1]}: ${match[2]}`, ports)]));
}
