/**
 * What is done with the programs of the documentation, by block: lines that are appended to them, which use what they
 * have made and end it, and what they print. A program that is not named here must end by itself.
 */
export interface Use {
  readonly use?: string;
  readonly prints?: RegExp;
}

/** What most of them are asked. */
const CLIENT = `
  import { once } from 'node:events';
  import { WebSocket } from 'ws';

  async function get(path, init = {}) {
    const answer = await fetch(\`http://127.0.0.1:8080\${path}\`, init);
    return \`\${answer.status} \${await answer.text()}\`;
  }
  async function chat(path) {
    const socket = new WebSocket(\`ws://127.0.0.1:8080\${path}\`);
    await once(socket, 'open');
    socket.send(\`echo of \${path}\`);
    const [message] = await once(socket, 'message');
    socket.close();
    await once(socket, 'close');
    return String(message);
  }
  await new Promise((resolve) => setTimeout(resolve, 50));`;

export const USES: Readonly<Record<string, Use>> = {
  'README.md#Embed it': {
    use: `
      const answer = await fetch(\`http://127.0.0.1:\${port}/there\`);
      console.log(answer.status, await answer.text());
      await proxy.close();`,
    prints: /^http:\/\/127\.0\.0\.1:\d+\n200 3000 saw GET \/there /,
  },
  'docs/routes.md#CONNECT': {
    use: `
      import http from 'node:http';
      import { once } from 'node:events';

      const request = http.request({ port: 8080, method: 'CONNECT', path: 'db.example:5432' });
      request.end();
      const [answer, socket] = await once(request, 'connect');
      const inner = http.get({ createConnection: () => socket, path: '/inside' });
      const [response] = await once(inner, 'response');
      console.log(answer.statusCode, Buffer.concat(await response.toArray()).toString());
      socket.destroy();
      await proxy.close();`,
    prints: /^200 3001 saw GET \/inside /,
  },
  'docs/drivers.md#A policy': {
    use: `
      import http from 'node:http';
      import { once } from 'node:events';
      import { WebSocket } from 'ws';

      await once(server, 'listening');
      for (const path of ['/health', '/there']) {
        const request = http.get({ socketPath: 'proxy.sock', path, agent: false });
        const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
        console.log(answer.statusCode, Buffer.concat(await answer.toArray()).toString().slice(0, 20));
      }
      const socket = new WebSocket('ws+unix:./proxy.sock:/chat');
      await once(socket, 'open');
      socket.send('through a tunnel');
      console.log(String((await once(socket, 'message'))[0]));
      socket.close();
      await once(socket, 'close');
      server.close();`,
    prints:
/200 well\n[^]*200 3000 saw GET \/there[^]*through a tunnel\n[^]*101 tunnel-closed\n$/,
  },

  'docs/embedding.md#In an http.Server': {
    use: `${CLIENT}
      console.log(await get('/health'), await get('/there'), await chat('/chat'));
      server.close();
      await proxy.close();`,
    prints: /^200 well\n 200 3000 saw GET \/there .* echo of \/chat\n$/,
  },
  'docs/embedding.md#In Express': {
    use: `${CLIENT}
      console.log(await get('/health'), await get('/api/there'), await chat('/chat'));
      server.close();
      await proxy.close();`,
    prints: /^200 well\n 200 3000 saw GET \/there .* echo of \/chat\n$/,
  },
  'docs/embedding.md#In Express 2': {
    use: `${CLIENT}
      const order = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{ "of": "tea" }' };
      console.log(await get('/orders', order));
      server.close();
      await proxy.close();`,
    prints: /^200 3000 saw POST \/orders \{"of":"tea","checked":true\}/,
  },
  'docs/embedding.md#In Fastify': {
    use: `${CLIENT}
      const post = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' };
      console.log(await get('/health'), await get('/api/there', post), await chat('/chat'));
      await app.close();`,
    prints: /^200 well\n 200 3000 saw POST \/api\/there \{\} .* echo of \/chat\n$/,
  },
  'docs/embedding.md#In Vite': {
    use: `${CLIENT}
      console.log(await get('/api/there'), await chat('/api/chat'), (await get('/@vite/client')).slice(0, 3));
      await vite.close();`,
    prints: /^200 3000 saw GET \/api\/there .* echo of \/api\/chat 200\n$/,
  },
  'docs/embedding.md#Any stream': {
    use: `${CLIENT}
      console.log(await get('/there'), await chat('/chat'));
      server.close();
      await proxy.close();`,
    prints: /^200 3000 saw GET \/there .* echo of \/chat\n$/,
  },
  'docs/embedding.md#Hooks': {
    use: `${CLIENT}
      console.log(await get('/private/1'));
      console.log(await get('/private/2', { headers: { Authorization: 'Bearer open-sesame' } }));
      console.log(await chat('/chat'));
      await proxy.close();`,
    prints:
      /^GET \/private\/1 401 complete true true\n401 [^]*\n200 3000 saw GET \/private\/2 .*"x-request-id":"\d+"(?!.*open)[^]*echo of \/chat/,
  },
  'docs/routes.md#A table': {
    use: `${CLIENT}
      console.log(await get('/health'), await get('/api/users?id=1', { headers: { Cookie: 'secret=1' } }));
      console.log(await get('/nowhere'), await chat('/chat/room'));
      await get('/.git/config').catch((error) => console.log(error.cause.code));
      await proxy.close();`,
    prints:
      /^200 well\n 200 3000 saw GET \/users\?id=1 (?!.*secret).*\n404 [^]* echo of \/chat\/room\nECONNRESET\n$/,
  },
  'docs/routes.md#A function': {
    use: `${CLIENT}
      for (const Cookie of ['a=b', 'session=1', 'a=b; session=2', 'session=3']) {
        console.log(await get('/there', { headers: { Cookie }, redirect: 'manual' }));
      }
      await proxy.close();`,
    prints:
      /^302 [^]*\n200 3000 saw .*"x-tenant":"blue".*\n200 3001 saw (?!.*session).*"x-tenant":"green".*\n302 [^]*$/,
  },

  'docs/migrating.md#The adapter': {
    use: `${CLIENT}
      const answer = await fetch('http://127.0.0.1:8080/there');
      console.log(answer.headers.has('x-origin'), await answer.text());
      console.log(await chat('/chat'));
      proxy.close(() => server.close());`,
    prints: /^false 3000 saw GET \/there .*"x-forwarded-port":"\d+".*"x-original-url":"\/there".*\necho of \/chat\n$/,
  },
  'docs/migrating.md#http-proxy-middleware': {
    use: `${CLIENT}
      console.log(await get('/api/there'), (await get('/elsewhere')).slice(0, 3), await chat('/api/chat'));
      server.close();
      await proxy.close();`,
    prints: /^200 3000 saw GET \/there .* 404 echo of \/api\/chat\n$/,
  },
};
