/**
 * Gives the machine the octets of a head that Node's own parser has read. Decides nothing about the head: it is laid
 * down as it was received, and the machine judges it by its own rules, whatever Node let pass.
 */
import type { IncomingMessage } from 'node:http';

/**
 * A request head as Latin-1 text, one code unit for each octet. White space around values is lost to Node's parser;
 * names, values, their order and repetition are as received.
 * @param omits names, in lower case, whose lines are left out
 * @param extra lines behind the others, without line ends
 * @throws TypeError where somebody has put into the request what no head can hold
 */
export function headText(
  request: IncomingMessage,
  omits: ReadonlySet<string> = NONE,
  extra: readonly string[] = [],
): string {
  const { method = '', httpVersion, rawHeaders } = request;
  let text = `${method} ${targetText(request.url ?? '')} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const line = `${rawHeaders[i]}: ${rawHeaders[i + 1]}`;
    // From the wire these cannot come; put in by a program they would begin another line.
    if (/[\r\n\u0100-\uffff]/.test(line)) {
      throw new TypeError(
        `req.rawHeaders[${i}]: a line break, or a character beyond Latin-1, in ${JSON.stringify(line)}`,
      );
    }
    if (omits.size === 0 || !omits.has(rawHeaders[i].toLowerCase())) text += `${line}\r\n`;
  }
  for (const line of extra) text += `${line}\r\n`;
  return `${text}\r\n`;
}

const NONE: ReadonlySet<string> = new Set();

/** Frameworks rewrite `url`: what could end the target or the line is percent-encoded, all else goes as it is. */
function targetText(url: string): string {
  return url.replace(/[^\x21-\xff]+|\x7f/g, (run) =>
    Array.from(
      Buffer.from(run, 'utf8'),
      (octet) => `%${octet.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  );
}
