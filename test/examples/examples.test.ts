/** Every example runs with its one command, and does what it says. */
import { expect } from 'chai';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { ROOT, run } from '../package/installed.js';

/** What is done with an example that listens, and what it must come to. */
type Use = (url: string, output: () => string) => Promise<void>;

async function get(url: string): Promise<string> {
  const answer = await fetch(url);
  return `${answer.status} ${await answer.text()}`;
}

/** The answer to one message, or how the handshake failed. */
async function chat(url: string): Promise<string> {
  const socket = new WebSocket(url.replace('http:', 'ws:'));
  try {
    await once(socket, 'open');
    socket.send('hello');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    socket.close();
    await once(socket, 'close');
    return String(answer);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Waits until the example has written this. */
async function written(output: () => string, pattern: RegExp): Promise<void> {
  for (let i = 0; i < 100 && !pattern.test(output()); i++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(output()).to.match(pattern);
}

const USES: Readonly<Record<string, Use>> = {
  'http-server.mjs': async (url) => {
    expect(await get(`${url}/health`)).to.equal('200 well\n');
    expect(await get(`${url}/there`)).to.equal('200 origin: GET /there for 127.0.0.1\n');
    expect(await chat(`${url}/chat`)).to.equal('origin: hello at /chat');
  },
  'express.mjs': async (url) => {
    expect(await get(`${url}/api/users`)).to.equal('200 api: GET /users for 127.0.0.1\n');
    expect(await chat(`${url}/chat/1`)).to.equal('chat: hello at /chat/1');
    expect(await chat(`${url}/api`)).to.equal('Unexpected server response: 404');
  },
  'authorise.mjs': async (url, output) => {
    expect(await get(`${url}/there`)).to.equal('401 no token\n');
    expect(await chat(`${url}/chat?token=eve`)).to.equal('Unexpected server response: 401');
    expect(await chat(`${url}/chat?token=ada`)).to.equal('origin: hello at /chat');
    await written(output, /^Ada has left: \d{2} octets, ended by (up|down)stream$/m);
  },
  'access-log.mjs': async (url, output) => {
    await get(`${url}/there?a=b`);
    await written(output, /"target":"\/there\?a=b","status":200,"outcome":"complete"/);
  },
  'http-proxy.mjs': async (url) => {
    const answer = await fetch(`${url}/there`);
    expect(await answer.text()).to.equal('origin: GET /there for 127.0.0.1\n');
    expect(answer.headers.get('x-seen-by')).to.equal('the proxy');
    expect(await chat(`${url}/chat`)).to.equal('origin: hello at /chat');
  },
};

describe('examples', () => {
  let child: ChildProcess | undefined;
  afterEach(async () => {
    if (child === undefined) return;
    const gone = child.exitCode === null ? once(child, 'exit') : null;
    child.kill('SIGTERM');
    await gone;
    child = undefined;
  });

  for (const [name, use] of Object.entries(USES)) {
    it(name, async () => {
      child = spawn(process.execPath, [`examples/${name}`], {
        cwd: ROOT,
        env: { ...process.env, PORT: '0' },
      });
      let text = '';
      const output = (): string => text;
      for (const stream of [child.stdout!, child.stderr!])
        stream.on('data', (part) => (text += String(part)));
      await written(output, /^http:.*$/m);
      await use(/^http:.*$/m.exec(text)![0], output);
    });
  }

  it('machine.mjs', async () => {
    const { stdout } = await run(ROOT, process.execPath, 'examples/machine.mjs');
    expect(stdout.split('\n')).to.include.members([
      '  CONNECT upstream 192.0.2.7:80',
      String.raw`  WRITE upstream "GET /there HTTP/1.1\r\nHost: example.org\r\n\r\n"`,
      'finished: 200 complete',
      '  CLOSE downstream ',
    ]);
  });

  it('are all run here, and listed in their README', () => {
    const programs = readdirSync(join(ROOT, 'examples')).filter((name) => /\.m?js$/.test(name));
    expect(programs).to.have.members([...Object.keys(USES), 'machine.mjs', 'origin.mjs']);
    const page = readFileSync(join(ROOT, 'examples/README.md'), 'utf8');
    for (const name of programs) if (name !== 'origin.mjs') expect(page).to.contain(`node examples/${name}`);
  });
});
