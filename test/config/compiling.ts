/**
 * What the tests of this room share: compiling a text without a disk, a network or a real log.
 */
import { compileConfig, type Compiled, type CompileOptions } from '../../src/config/compile.js';
import { memoryFiles } from '../../src/config/files.js';
import type { ConfigError } from '../../src/error.js';
import type { LocationModel, ServerModel } from '../../src/proxy/model.js';

/** Where the text stands. */
export const FILE = '/etc/wirehop/nginx.conf';

/** Names that resolve. */
export const HOSTS: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1', '::1'],
  'two.example': ['192.0.2.1', '192.0.2.2'],
};

/** Compiles a text. Logs that it opens are listed in `opened`. */
export async function compile(
  text: string,
  options: Partial<CompileOptions> & {
    readonly more?: Record<string, string>;
    readonly opened?: string[];
  } = {},
): Promise<Compiled> {
  const { more = {}, opened = [], ...rest } = options;
  return compileConfig({
    file: FILE,
    files: memoryFiles({ [FILE]: text, ...more }),
    resolve: (host) => {
      const addresses = HOSTS[host];
      if (addresses !== undefined) return Promise.resolve(addresses);
      return Promise.reject(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }));
    },
    openLog: (path) => {
      opened.push(path);
      return { write: () => undefined };
    },
    openErrorLog: (path, level) => {
      opened.push(`${path} ${level}`);
      return { log: () => undefined };
    },
    users: { check: () => Promise.resolve({ kind: 'right' }) },
    environment: { isRoot: false, userName: 'somebody', hostName: 'box.example' },
    ...rest,
  });
}

/** A whole file around the content of `http`. */
export function inHttp(text: string): string {
  return `events {}\nhttp {\naccess_log off;\n${text}\n}\n`;
}

/** A whole file around the content of a `server`. Its first line is line 6. */
export function inServer(text: string): string {
  return inHttp(`server {\nlisten 127.0.0.1:18080;\n${text}\n}`);
}

/** A whole file around the content of a `location /`. Its first line is line 7. */
export function inLocation(text: string): string {
  return inServer(`location / {\n${text}\n}`);
}

/** `line:column text` */
export function show({ text, line, column }: ConfigError): string {
  return `${line}:${column} ${text}`;
}

/** The server of a configuration that has to be sound. */
export async function serverOf(text: string): Promise<ServerModel> {
  const { config, errors } = await compile(text);
  if (config === undefined) throw new Error(errors.map((error) => error.message).join('\n'));
  return config.listeners[0].model.servers[0];
}

/** The first location of a configuration that has to be sound. */
export async function locationOf(text: string): Promise<LocationModel> {
  return (await serverOf(text)).root.locations[0];
}
