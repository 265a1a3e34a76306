/** Messages that are good, and what may be done to them. All text is Latin-1, one octet for each character. */
import type { Prng } from '../simulate/prng.js';

const METHODS = [
  'GET',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'REPORT',
  'get',
  'M-SEARCH',
];
const TARGETS = [
  '/',
  '/a/b?c=d',
  '/%41/..;x',
  '*',
  'http://h/p',
  'http://h:81?q',
  'HTTPS://[::1]:8/',
  '/a?b=[c]{d}|e^`',
  '//x',
];
const HOSTS = ['h', 'example.org', 'h:80', '[::1]', '[v1.x]:8080', 'a%20b', '1.2.3.4:', 'A_b~c'];
const LINES = [
  'X-A: b',
  'X-A:b',
  'x-a:\t b \t',
  'X-Empty:',
  'X-Text: \x80\xff "quoted, text"; a=b',
  'Cookie: a=b; c=d',
  'Accept: */*, text/html;q=0.5',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: close',
  'TE: trailers',
  'X-Hop: 1',
  'Trailer: X-T',
  'Date: Sat, 22 Nov 2025 12:00:00 GMT',
];
const CONNECTIONS = [
  '',
  '',
  '',
  'close',
  'keep-alive',
  'Upgrade',
  'keep-alive, X-Hop',
  'upgrade ,\tclose',
  ',,X-A',
  'content-length',
  'X-Hop, Host',
];

/** What does harm if it is read differently by two readers. */
const NASTY = [
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r\n',
  '\0',
  '\t',
  ' ',
  '  ',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\x85',
  '\xa0',
  ':',
  ';',
  ',',
  '"',
  '\\',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'content-length:3\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 5,5\r\n',
  'Content-Length:\r\n',
  'Content-Length: 0x5\r\n',
  'Content-Length: 1e1\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked\t\r\n',
  'Transfer-Encoding: Chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: \x0bchunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding\r\n',
  'Transfer_Encoding: chunked\r\n',
  ' Transfer-Encoding: chunked\r\n',
  'X: y\nTransfer-Encoding: chunked\r\n',
  'X: y\rTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked;q=1\r\n',
  'Transfer-Encoding: "chunked"\r\n',
  'Host: other\r\n',
  'Host: a, b\r\n',
  'Host: a b\r\n',
  'Host: user@h\r\n',
  'Host:\r\n',
  'Host: h:99999\r\n',
  'Connection: transfer-encoding\r\n',
  'Connection: content-length, close\r\n',
  'Connection: close\t\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'Upgrade: websocket\r\n',
  'Upgrade:\r\n',
  'Expect: 100-continue\r\n',
  'Expect: 100-Continue, x\r\n',
  '0\r\n\r\n',
  '5\r\nabcde\r\n',
  '05\r\n',
  '5;\r\n',
  '5;a=b\r\n',
  '5;a="b\r\n',
  '5;a\n\r\n',
  '-1\r\n',
  '0x5\r\n',
  'ffffffffffffffff\r\n',
  '10000000000000000\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ' HTTP/1.1',
  ' HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.10',
  'http/1.1',
  '#',
  '%zz',
  '%',
  '../',
  '\\',
  '<',
  '\xff',
  '100',
  '101',
  '204',
  '304',
  '99',
  '1000',
  '+',
  '-',
  'CONNECT ',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];

/** Content under a chunked coding. */
function chunked(prng: Prng): string {
  let text = '';
  for (let i = prng.below(4); i > 0; i--) {
    const content = 'content\r\n0\r\n\r\n'.repeat(prng.between(1, 3)).slice(0, prng.between(1, 40));
    const extension = prng.pick(['', '', '', ';a', ';a=b', ';a="b;c"', ';a;b="\\""']);
    text += `${prng.pick(['', '0', '00'])}${content.length.toString(16)}${extension}\r\n${content}\r\n`;
  }
  const trailers = prng.pick(['', '', 'X-T: 1\r\n', 'X-T: 1\r\nX-U:2\r\n']);
  return `${text}${prng.pick(['0', '0000'])}\r\n${trailers}\r\n`;
}

/** A good request, content and all. */
export function goodRequest(prng: Prng): string {
  const minor = prng.chance(85) ? 1 : 0;
  let method = prng.pick(METHODS);
  const target = prng.pick(TARGETS);
  if (target === '*') method = 'OPTIONS';
  const lines = [`${method} ${target} HTTP/1.${minor}`];
  const fields = [`Host: ${prng.pick(HOSTS)}`];
  for (let i = prng.below(5); i > 0; i--) fields.push(prng.pick(LINES));
  const connection = prng.pick(CONNECTIONS);
  if (connection !== '') fields.push(`Connection: ${connection}`);
  if (prng.chance(20)) fields.push(`Upgrade: ${prng.pick(['websocket', 'WebSocket, foo', ''])}`);
  let content = '';
  const how = prng.below(10);
  if (how < 3) {
    content = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3).slice(0, prng.below(60));
    fields.push(`${prng.pick(['Content-Length', 'content-length'])}: ${content.length}`);
  } else if (how < 6 && minor === 1) {
    fields.push(`Transfer-Encoding: ${prng.pick(['chunked', 'Chunked', 'CHUNKED'])}`);
    content = chunked(prng);
  }
  if (prng.chance(8) && minor === 1) fields.push('Expect: 100-continue');
  for (let i = fields.length; i > 0; i--) {
    const at = prng.below(fields.length);
    lines.push(fields[at]);
    fields.splice(at, 1);
  }
  return `${lines.join('\r\n')}\r\n\r\n${content}`;
}

/** A good response to a request with this method; `open` means that it lasts until the connection ends. */
export function goodResponse(prng: Prng, method: string): string {
  let text = '';
  while (prng.chance(15))
    text += `HTTP/1.1 ${prng.pick(['100 Continue', '103 Early Hints\r\nLink: x', '102 '])}\r\n\r\n`;
  const minor = prng.chance(85) ? 1 : 0;
  const status = prng.pick([200, 200, 200, 201, 204, 304, 301, 404, 500, 999]);
  const lines = [`HTTP/1.${minor} ${status}${prng.pick([' OK', ' ', '', ' Not \xe4 Word'])}`];
  for (let i = prng.below(5); i > 0; i--) lines.push(prng.pick(LINES));
  const connection = prng.pick(CONNECTIONS.filter((value) => !/upgrade/i.test(value)));
  if (connection !== '') lines.push(`Connection: ${connection}`);
  let content = '';
  const how = prng.below(10);
  if (how < 4 && status !== 204) {
    content = 'HTTP/1.1 200 OK\r\n\r\n'.repeat(3).slice(0, prng.below(50));
    lines.push(`Content-Length: ${content.length}`);
  } else if (how < 7 && minor === 1 && status !== 204) {
    lines.push('Transfer-Encoding: chunked');
    content = chunked(prng);
  } else {
    content = 'until the end'.slice(0, prng.below(13));
  }
  if (method === 'HEAD' || status === 204 || status === 304) content = '';
  return `${text}${lines.join('\r\n')}\r\n\r\n${content}`;
}

/** A 101 to an offer of websocket, and octets of the tunnel. */
export function goodSwitch(prng: Prng): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${prng.pick(['websocket', 'WebSocket'])}\r\nConnection: upgrade\r\n\r\n${prng.pick(['', '\x81\x00', 'HTTP/1.1 200 OK\r\n\r\n'])}`;
}

/** Changes a text in a few places. */
export function mutate(text: string, prng: Prng): string {
  for (let times = prng.between(1, 4); times > 0; times--) text = mutateOnce(text, prng);
  return text;
}

function mutateOnce(text: string, prng: Prng): string {
  const at = prng.below(text.length + 1);
  switch (prng.below(11)) {
    case 0:
      return text.slice(0, at) + text.slice(at + prng.between(1, 3));
    case 1:
      return text.slice(0, at) + String.fromCharCode(prng.below(256)) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + String.fromCharCode(prng.below(256)) + text.slice(at);
    case 3:
    case 4:
      return text.slice(0, at) + prng.pick(NASTY) + text.slice(at);
    case 5: {
      // At the beginning of a line, where a field line would do most harm.
      const line = text.indexOf('\r\n', at);
      return line < 0
        ? text + prng.pick(NASTY)
        : text.slice(0, line + 2) + prng.pick(NASTY) + text.slice(line + 2);
    }
    case 6: {
      const lines = text.split('\r\n');
      const from = prng.below(lines.length);
      lines.splice(prng.below(lines.length), 0, lines[from]);
      return lines.join('\r\n');
    }
    case 7: {
      const lines = text.split('\r\n');
      lines.splice(prng.below(lines.length), 1);
      return lines.join('\r\n');
    }
    case 8: {
      // Another end for one line.
      const line = text.indexOf('\r\n', at);
      return line < 0
        ? text
        : text.slice(0, line) +
            prng.pick(['\n', '\r', '\r\r\n', ' \r\n', '\t\r\n', '\0\r\n', '\r\n ']) +
            text.slice(line + 2);
    }
    case 9:
      return text.replace(
        /[0-9]+/,
        prng.pick(['0', '1', '5', '05', '7', '10', 'a', '4294967296', '9007199254740993']),
      );
    default: {
      const to = at + prng.below(12);
      const part = text.slice(at, to);
      return text.slice(0, at) + (prng.chance(50) ? part.toUpperCase() : part.toLowerCase()) + text.slice(to);
    }
  }
}
