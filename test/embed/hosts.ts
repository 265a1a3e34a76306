/** Other people's servers with a proxy in them: each as its guide says. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { fastify } from 'fastify';
import Koa from 'koa';
import type { Proxy } from '../../src/index.js';
import { onCleanUp } from '../e2e/harness.js';

export interface Host {
  readonly name: string;
  start(proxy: Proxy): Promise<{ readonly server: Server; readonly port: number }>;
}

async function listening(server: Server, proxy: Proxy): Promise<{ server: Server; port: number }> {
  server.on('upgrade', proxy.upgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanUp(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { server, port: (server.address() as AddressInfo).port };
}

export const HOSTS: readonly Host[] = [
  {
    name: 'http.Server',
    start: (proxy) => listening(createServer(proxy.web), proxy),
  },
  {
    name: 'Express',
    start(proxy) {
      const app = express();
      app.get('/own', (_request, response) => void response.send('own'));
      app.use(proxy.web);
      return listening(createServer(app), proxy);
    },
  },
  {
    name: 'Fastify',
    async start(proxy) {
      const app = fastify({ forceCloseConnections: true });
      // Content is passed on as it comes: no parser takes it.
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', (_request, _payload, done) => done(null));
      app.get('/own', () => 'own');
      app.all('/*', (request, reply) => {
        reply.hijack();
        proxy.web(request.raw, reply.raw);
      });
      app.server.on('upgrade', proxy.upgrade);
      await app.listen({ port: 0, host: '127.0.0.1' });
      onCleanUp(() => app.close());
      return { server: app.server, port: (app.server.address() as AddressInfo).port };
    },
  },
  {
    name: 'Koa',
    start(proxy) {
      const app = new Koa();
      // It prints every reset of a connection.
      app.silent = true;
      app.use((context) => {
        if (context.path === '/own') {
          context.body = 'own';
          return;
        }
        context.respond = false;
        proxy.web(context.req, context.res);
      });
      return listening(createServer(app.callback()), proxy);
    },
  },
];
