/**
 * Heads that were read, edited and written, read again: by wirehop's own reader, and by Node's HTTP server, which must
 * find the same requests in the same octets. Proves that what goes on has the framing that was decided, whatever was
 * received and whatever comes out of variables.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { createServer, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { FieldEdits, fieldSet } from '../../src/message/field-edits.js';
import * as h from '../../src/message/head.js';
import { HEAD_COMPLETE, HeadReader } from '../../src/wire/http1/head-reader.js';
import { writeRequestHead, WROTE_CLOSE, WROTE_OFFER } from '../../src/wire/http1/head-writer.js';
import { TYPE_REQUEST } from '../../src/wire/http1/llhttp.js';
import { visible } from './escapes.js';
import { forwardedRequestHead } from './generators.js';
import { LIMITS } from './head-log.js';
import { dynamic, headOf } from './heads.js';
import { readRequest } from './oracle.js';

const NEXT = 'GET /the-next-request HTTP/1.1\r\nHost: n\r\n\r\n';

/** What a server found: each request's method, target and content. */
type Found = readonly (readonly [method: string, target: string, content: string])[];

/** A connection to a server, without a socket. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

/** Gives `octets` to Node's server as one connection; answers what it found up to `count` requests, or its complaint. */
function foundByNode(server: Server, octets: Buffer, count: number): Promise<Found | string> {
  return new Promise((resolve) => {
    const found: [string, string, string][] = [];
    const wire = new Wire();
    // A server that waits for more has found another end than we meant.
    const silence = setTimeout(() => resolve(`nothing more after ${JSON.stringify(found)}`), 1000);
    wire.on('close', () => {
      clearTimeout(silence);
      resolve(found);
    });
    server.removeAllListeners('request').removeAllListeners('clientError');
    server.on('clientError', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
      wire.destroy();
    });
    server.on('request', (request, response) => {
      const content: Buffer[] = [];
      request.on('data', (part: Buffer) => content.push(part));
      request.on('end', () => {
        found.push([request.method ?? '', request.url ?? '', Buffer.concat(content).toString('latin1')]);
        response.end();
        if (found.length === count) wire.destroy();
      });
    });
    server.emit('connection', wire);
    wire.push(octets);
  });
}

/** Values as a variable may yield them: any octets at all. */
const anyValue = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\r', '\n', '\r\n', '\0', ':', ' ', ',', 'upgrade', 'close', 'chunked', 'a'),
    fc.nat(255).map((code) => String.fromCharCode(code)),
  ),
  maxLength: 12,
});
const edits = fc
  .array(
    fc.constantFrom('Host', 'X-Set', 'X-A', 'Connection', 'Upgrade', 'Content-Length', 'Transfer-Encoding'),
    {
      maxLength: 4,
    },
  )
  // Host must stay a host for a server to take the request; two of them would rightly be refused.
  .map((names) => [...new Set(names)].filter((name) => name !== 'Host'))
  .map(
    (names) =>
      new FieldEdits<string>(
        ['X-Dropped'],
        names.map((name) =>
          fieldSet(
            name,
            dynamic((text) => text),
          ),
        ),
      ),
  );

describe('head writer, generated heads', () => {
  const again = new HeadReader(TYPE_REQUEST);
  const server = createServer();

  it('what is written is read the same way by ourselves and by Node', async function () {
    this.timeout(120000);
    await fc.assert(
      fc.asyncProperty(
        forwardedRequestHead,
        edits,
        anyValue,
        fc.boolean(),
        async (text, own, value, isOffer) => {
          const head = headOf('request', text);
          const out = new OctetWriter();
          out.begin();
          const wrote = writeRequestHead(out, head, own, null, 1, value, isOffer);
          const octets = Buffer.from(out.octets.subarray(out.start, out.position));
          const shown = visible(octets);

          // Ourselves, and the oracle.
          again.reset();
          expect(again.read(octets, 0, octets.length, LIMITS), `${again.fault}: ${shown}`).to.equal(
            HEAD_COMPLETE,
          );
          expect(again.consumed, shown).to.equal(octets.length);
          expect([again.head.body, again.head.contentLength], shown).to.deep.equal([
            head.body,
            head.contentLength,
          ]);
          expect(readRequest(octets.toString('latin1')), shown).to.be.an('object');
          expect((again.head.connection & h.OPTION_CLOSE) !== 0, shown).to.equal((wrote & WROTE_CLOSE) !== 0);
          if (!isOffer) expect(again.head.upgradeField, shown).to.equal(-1);
          for (const name of ['te', 'keep-alive', 'proxy-connection', 'x-dropped']) {
            expect(octets.toString('latin1').toLowerCase(), shown).not.to.include(`\n${name}:`);
          }

          // Node: the content belongs to the first request, and the next request begins right behind it.
          const content = 'x'.repeat(head.contentLength);
          const framed = head.body === h.BODY_CHUNKED ? '3\r\nGET\r\n0\r\n\r\n' : content;
          // Behind an offer nothing is sent until it is answered, behind a close nothing at all.
          const isAlone = (wrote & (WROTE_CLOSE | WROTE_OFFER)) !== 0;
          const all = Buffer.concat([octets, Buffer.from(isAlone ? framed : framed + NEXT)]);
          const expected = [
            [
              head.text(0, head.methodEnd),
              head.text(head.pathStart, head.pathEnd),
              head.body === h.BODY_CHUNKED ? 'GET' : content,
            ],
            ['GET', '/the-next-request', ''],
          ].slice(0, isAlone ? 1 : 2);
          expect(await foundByNode(server, all, expected.length), shown).to.deep.equal(expected);
        },
      ),
      { numRuns: 700 },
    );
  });
});
