/**
 * Certificates, keys and what goes with them, from files or from `data:`. Decides that each of them is what it should be;
 * the words of its faults are nginx's where nginx has them.
 */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { decodeText, type Word } from '../syntax.js';
import { systemReason } from '../system-reason.js';
import type { Site } from './site.js';

const INLINE = 'data:';
const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;
const LIST = /-----BEGIN X509 CRL-----[\s\S]+?-----END X509 CRL-----/g;

/** Reads each file once. All answers are null after a fault, which is noted. */
export class PemFiles {
  private readonly read = new Map<string, string>();

  constructor(private readonly site: Site) {}

  /** A certificate with those behind it, and its key. Both PEM. */
  pair(
    certificate: Word,
    key: Word,
    passphrases: readonly string[] | null,
  ): { cert: string; key: string } | null {
    const cert = this.certificates(certificate, 'cannot load certificate');
    const privateKey = passphrases === null ? null : this.key(key, passphrases);
    if (cert === null || privateKey === null) return null;
    const [first] = cert.match(CERTIFICATE) as string[];
    if (!new X509Certificate(first).checkPrivateKey(privateKey)) {
      const text = `SSL_CTX_use_PrivateKey("${shown(key)}") failed (key values mismatch)`;
      this.site.fault(key, text, `it is not the key of "${shown(certificate)}"`);
      return null;
    }
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
  }

  /** One certificate or more. @param what nginx's words for the attempt */
  certificates(word: Word, what: string): string | null {
    const text = this.content(word, what);
    if (text === null) return null;
    const found = text.match(CERTIFICATE);
    const fault = found === null ? 'there is no certificate in it' : firstFault(found);
    if (fault === '') return text;
    this.site.fault(word, named(what, word, `PEM_read_bio_X509_AUX() failed (${fault})`), 'it has to be PEM');
    return null;
  }

  /** Revocation lists; undefined where no file is named. */
  crls(word: Word | null): string[] | null | undefined {
    if (word === null) return undefined;
    const text = this.content(word, 'X509_LOOKUP_load_file');
    if (text === null) return null;
    const lists = text.match(LIST);
    if (lists !== null) return [...lists];
    this.site.fault(
      word,
      named('X509_LOOKUP_load_file', word, 'failed (there is no list in it)'),
      'it has to be PEM',
    );
    return null;
  }

  /** A file's text; undefined where none is named. */
  text(word: Word | null, what: string): string | null | undefined {
    return word === null ? undefined : this.content(word, what);
  }

  octets(word: Word): Buffer | null {
    const text = this.content(word, 'open');
    return text === null ? null : Buffer.from(text, 'latin1');
  }

  /** Lines of a password file; none where no file is named. */
  passphrases(word: Word | null): readonly string[] | null {
    if (word === null) return [];
    const text = this.content(word, 'open');
    return text === null ? null : text.split(/\r?\n/).filter((line) => line !== '');
  }

  private key(word: Word, passphrases: readonly string[]): KeyObject | null {
    const what = 'cannot load certificate key';
    if (/^(engine|store):/.test(word.text)) {
      this.site.fault(
        word,
        `"${word.text}" in "ssl_certificate_key" directive is not supported`,
        'name a PEM file',
      );
      return null;
    }
    const pem = this.content(word, what);
    if (pem === null) return null;
    let fault = '';
    // Without a passphrase first: most keys have none.
    for (const passphrase of [undefined, ...passphrases]) {
      try {
        return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
      } catch (error) {
        fault = shortReason(error);
      }
    }
    const isLocked = /ENCRYPTED/.test(pem);
    if (isLocked && passphrases.length === 0) fault = 'bad password read';
    const hint = isLocked ? 'name a file with its passphrase: ssl_password_file' : 'it has to be PEM';
    this.site.fault(word, named(what, word, `PEM_read_bio_PrivateKey() failed (${fault})`), hint);
    return null;
  }

  private content(word: Word, what: string): string | null {
    if (word.text.startsWith(INLINE)) return word.text.slice(INLINE.length);
    const { files, file } = this.site.world;
    const path = resolve(dirname(file), decodeText(word.text));
    let text = this.read.get(path);
    if (text !== undefined) return text;
    try {
      text = files.readFile(path);
    } catch (error) {
      this.site.fault(
        word,
        named(what, { ...word, text: path }, `BIO_new_file() failed (${systemReason(error)})`),
      );
      return null;
    }
    this.read.set(path, text);
    return text;
  }
}

/** The parts of a key or certificate that stands in the configuration are nobody's to read in a log. */
function shown({ text }: Word): string {
  return text.startsWith(INLINE) ? INLINE : text;
}

function named(what: string, word: Word, fault: string): string {
  return `${what} "${shown(word)}": ${fault}`;
}

function firstFault(certificates: readonly string[]): string {
  for (const pem of certificates) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      return shortReason(error);
    }
  }
  return '';
}

/** OpenSSL's words without its numbers and files. */
function shortReason(error: unknown): string {
  const { message } = error as Error;
  return /error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]*)/.exec(message)?.[1] ?? message;
}
