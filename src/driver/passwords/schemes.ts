/**
 * The forms that a password has in a user file, by what it begins with. Decides which of them are known, which take so
 * long that they go to a thread, and whether a password is the one.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { hashSync } from './bcryptjs.js';
import { md5Crypt, shaCrypt } from './crypt.js';

/** `quick` ones are had in microseconds, `slow` ones are meant to take long; the rest is crypt(3)'s, and not known here. */
export type Speed = 'quick' | 'slow' | 'unknown';

const SHA1_OCTETS = 20;

/** How long it takes to look at a password of this form. */
export function speedOf(stored: string): Speed {
  if (/^\{(PLAIN|SSHA|SHA)\}/.test(stored)) return 'quick';
  if (/^(\$(apr1|1|5|6)\$|\$2[aby]\$[0-9]{2}\$)/.test(stored)) return 'slow';
  // yescrypt, scrypt and others; DES, old and extended. All else is no hash at all, and no password is right for it.
  return /^\$[a-z0-9]+\$/.test(stored) || /^(_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13})$/.test(stored)
    ? 'unknown'
    : 'quick';
}

/**
 * Whether this is the password, for forms that are not `unknown`. In constant time, as far as what is compared depends
 * on what is stored.
 * @param password its octets as Latin-1
 */
export function matches(password: string, stored: string): boolean {
  const octets = Buffer.from(password, 'latin1');
  if (speedOf(stored) === 'quick') return matchesQuickly(octets, stored);
  return isSameText(hashed(octets, stored), stored);
}

function matchesQuickly(octets: Buffer, stored: string): boolean {
  if (stored.startsWith('{PLAIN}')) return isSame(octets, Buffer.from(stored.slice(7), 'latin1'));
  if (stored.startsWith('{SHA}')) return isSameText(`{SHA}${sha1(octets).toString('base64')}`, stored);
  if (stored.startsWith('{SSHA}')) {
    const salt = Buffer.from(stored.slice(6), 'base64').subarray(SHA1_OCTETS);
    const digest = Buffer.concat([sha1(octets, salt), salt]);
    return isSameText(`{SSHA}${digest.toString('base64')}`, stored);
  }
  return false;
}

function hashed(password: Buffer, stored: string): string {
  if (stored.startsWith('$2')) return bcrypt(password, stored);
  if (stored.startsWith('$apr1$')) return md5Crypt(password, stored, '$apr1$');
  if (stored.startsWith('$1$')) return md5Crypt(password, stored, '$1$');
  return shaCrypt(password, stored);
}

/** '' where the hash is none, or the password's octets are no UTF-8, which the library would make others of. */
function bcrypt(password: Buffer, stored: string): string {
  const text = password.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(password)) return '';
  try {
    return hashSync(text, stored) ?? '';
  } catch {
    return '';
  }
}

function sha1(password: Buffer, salt: Buffer = Buffer.alloc(0)): Buffer {
  return createHash('sha1').update(password).update(salt).digest();
}

function isSameText(a: string, b: string): boolean {
  return isSame(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

/** What is compared is hashed once more: lengths show nothing either. */
function isSame(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(octets: Buffer): Buffer {
  return createHash('sha256').update(octets).digest();
}
