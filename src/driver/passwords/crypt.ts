/**
 * The hashes of crypt(3) that Node has the primitives of: MD5 (`$1$`, and Apache's `$apr1$`), SHA-256 and SHA-512 (`$5$`,
 * `$6$`). They take milliseconds on purpose: run them in `hash-thread.ts`.
 */
import { createHash } from 'node:crypto';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const NUL = Buffer.alloc(1);
const MD5_ROUNDS = 1000;
const DEFAULT_ROUNDS = 5000;
const FEWEST_ROUNDS = 1000;
const MOST_ROUNDS = 999_999_999;

/**
 * FreeBSD's MD5-based hash.
 * @param stored begins with `magic`; its salt and no more of it is used
 * @param magic `$1$` or `$apr1$`
 * @returns what `stored` has to be for this password
 */
export function md5Crypt(password: Buffer, stored: string, magic: string): string {
  const salt = saltOf(stored.slice(magic.length), 8);
  const saltOctets = Buffer.from(salt, 'latin1');
  const alternate = createHash('md5').update(password).update(saltOctets).update(password).digest();
  const first = createHash('md5').update(password).update(magic).update(saltOctets);
  first.update(repeated(alternate, password.length));
  for (let bits = password.length; bits > 0; bits >>= 1) {
    first.update((bits & 1) === 1 ? NUL : password.subarray(0, 1));
  }
  let digest = first.digest();
  for (let round = 0; round < MD5_ROUNDS; round++) {
    const isOdd = (round & 1) === 1;
    const hash = createHash('md5').update(isOdd ? password : digest);
    if (round % 3 !== 0) hash.update(saltOctets);
    if (round % 7 !== 0) hash.update(password);
    digest = hash.update(isOdd ? digest : password).digest();
  }
  let text = '';
  for (let i = 0; i < 5; i++) text += encode(digest[i], digest[i + 6], digest[i === 4 ? 5 : i + 12], 4);
  return `${magic}${salt}$${text}${encode(0, 0, digest[11], 2)}`;
}

/**
 * Drepper's SHA-based hash, as "Unix crypt using SHA-256 and SHA-512" describes it.
 * @param stored begins with `$5$` or `$6$`; its rounds and salt and no more of it are used
 * @returns what `stored` has to be for this password
 */
export function shaCrypt(password: Buffer, stored: string): string {
  const magic = stored.slice(0, 3);
  const algorithm = magic === '$5$' ? 'sha256' : 'sha512';
  const size = magic === '$5$' ? 32 : 64;
  const [prefix = '', digits] = /^rounds=([0-9]+)\$/.exec(stored.slice(3)) ?? [];
  const rounds =
    digits === undefined ? DEFAULT_ROUNDS : Math.min(MOST_ROUNDS, Math.max(FEWEST_ROUNDS, Number(digits)));
  const salt = saltOf(stored.slice(3 + prefix.length), 16);
  const saltOctets = Buffer.from(salt, 'latin1');

  const alternate = createHash(algorithm).update(password).update(saltOctets).update(password).digest();
  const first = createHash(algorithm).update(password).update(saltOctets);
  first.update(repeated(alternate, password.length));
  for (let bits = password.length; bits > 0; bits >>= 1) {
    first.update((bits & 1) === 1 ? alternate : password);
  }
  let digest = first.digest();

  const passwords = createHash(algorithm);
  for (let i = 0; i < password.length; i++) passwords.update(password);
  const p = repeated(passwords.digest(), password.length);
  const salts = createHash(algorithm);
  for (let i = 0; i < 16 + digest[0]; i++) salts.update(saltOctets);
  const s = repeated(salts.digest(), saltOctets.length);

  for (let round = 0; round < rounds; round++) {
    const isOdd = (round & 1) === 1;
    const hash = createHash(algorithm).update(isOdd ? p : digest);
    if (round % 3 !== 0) hash.update(s);
    if (round % 7 !== 0) hash.update(p);
    digest = hash.update(isOdd ? digest : p).digest();
  }
  const shown = digits === undefined ? '' : `rounds=${rounds}$`;
  return `${magic}${shown}${salt}$${size === 32 ? encode256(digest) : encode512(digest)}`;
}

/** Up to the next "$". */
function saltOf(text: string, most: number): string {
  return text.split('$', 1)[0].slice(0, most);
}

/** `length` octets of a digest over and over. */
function repeated(digest: Buffer, length: number): Buffer {
  return Buffer.alloc(length, digest);
}

function encode256(digest: Buffer): string {
  let text = '';
  for (let i = 0, a = 0, b = 10, c = 20; i < 10; i++) {
    text += encode(digest[a], digest[b], digest[c], 4);
    [a, b, c] = [c + 1, a + 1, b + 1];
  }
  return text + encode(0, digest[31], digest[30], 3);
}

function encode512(digest: Buffer): string {
  let text = '';
  for (let i = 0, a = 0, b = 21, c = 42; i < 21; i++) {
    text += encode(digest[a], digest[b], digest[c], 4);
    [a, b, c] = [b + 1, c + 1, a + 1];
  }
  return text + encode(0, 0, digest[63], 2);
}

/** Three octets, the last one first, in `count` letters of six bits. */
function encode(high: number, middle: number, low: number, count: number): string {
  let bits = (high << 16) | (middle << 8) | low;
  let text = '';
  for (let i = 0; i < count; i++) {
    text += ALPHABET[bits & 63];
    bits >>= 6;
  }
  return text;
}
