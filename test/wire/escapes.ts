/**
 * Octets as text that a person can read in a case file, and back. Everything that is not printable ASCII is spelt out,
 * so that a trailing SP, a TAB or a bare CR cannot hide.
 */

const NAMED: Readonly<Record<string, number>> = { r: 13, n: 10, t: 9, '0': 0, s: 32, '\\': 92 };

/**
 * Octets of visible text: `\r`, `\n`, `\t`, `\0`, `\s` (SP), `\\`, `\xHH`, and `\*COUNT{TEXT}` for TEXT repeated.
 * Line ends of the text itself do not count. Throws for anything else behind a backslash, and for non-ASCII text.
 */
export function octetsOf(visible: string): Buffer {
  const text = visible.replace(/\n/g, '');
  const repeated = text.replace(/\\\*(\d+)\{([^}]*)\}/g, (_all, count: string, part: string) =>
    part.repeat(Number(count)),
  );
  const octets: number[] = [];
  for (let i = 0; i < repeated.length; i++) {
    const code = repeated.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) throw new Error(`spell this octet out: ${JSON.stringify(repeated[i])}`);
    if (repeated[i] !== '\\') {
      octets.push(code);
      continue;
    }
    const escape = repeated[++i];
    if (escape === 'x' && /^[0-9a-f]{2}$/i.test(repeated.slice(i + 1, i + 3))) {
      octets.push(parseInt(repeated.slice(i + 1, i + 3), 16));
      i += 2;
    } else if (NAMED[escape] !== undefined) {
      octets.push(NAMED[escape]);
    } else {
      throw new Error(`unknown escape \\${escape}`);
    }
  }
  return Buffer.from(octets);
}

/** The reverse: printable ASCII as it is, the rest escaped, long runs of one octet shortened. */
export function visible(octets: Uint8Array): string {
  return Buffer.from(octets)
    .toString('latin1')
    .replace(/[^\x21-\x7e ]|\\/g, escape)
    .replace(/([^\\])\1{39,}/g, (run, octet: string) => `\\*${run.length}{${octet}}`);
}

function escape(octet: string): string {
  for (const [name, code] of Object.entries(NAMED)) if (code === octet.charCodeAt(0)) return `\\${name}`;
  return `\\x${octet.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
