/**
 * Certificates for the tests, made on the spot: an authority, intermediates, leaves, revocation lists. Nothing of it is
 * kept.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

type CryptoKeyPair = webcrypto.CryptoKeyPair;

x509.cryptoProvider.set(webcrypto as never);

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
} as const;

/** A certificate and its key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface LeafOptions {
  /** DNS names and addresses. */
  readonly names?: readonly string[];
  readonly kind?: 'ecdsa' | 'rsa';
  /** The whole subject; default CN of the first name. */
  readonly subject?: string;
  /** Default: in a day. */
  readonly notAfter?: Date;
}

const DAY_MS = 86_400_000;
let serial = 0x1000;

export class Authority {
  private constructor(
    private readonly certificate: x509.X509Certificate,
    private readonly keys: CryptoKeyPair,
    /** This authority's certificate, PEM. */
    readonly cert: string,
  ) {}

  /** A root that signs itself. */
  static async create(name: string): Promise<Authority> {
    const keys = await generate('ecdsa');
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: nextSerial(),
      name: `CN=${name}`,
      ...validity(),
      signingAlgorithm: ECDSA,
      keys,
      extensions: authorityExtensions(),
    });
    return new Authority(certificate, keys, certificate.toString('pem'));
  }

  /** An authority under this one. */
  async intermediate(name: string): Promise<Authority> {
    const keys = await generate('ecdsa');
    const certificate = await this.sign(`CN=${name}`, keys, authorityExtensions());
    return new Authority(certificate, keys, certificate.toString('pem'));
  }

  /** A certificate for a server or a client. */
  async issue(options: LeafOptions = {}): Promise<Pair> {
    const { names = ['localhost'], kind = 'ecdsa', subject = `CN=${names[0]}`, notAfter } = options;
    const keys = await generate(kind);
    const certificate = await this.sign(subject, keys, leafExtensions(names), notAfter);
    return { cert: certificate.toString('pem'), key: await privatePem(keys) };
  }

  /** A list that revokes these certificates of this authority. */
  async revocations(...revoked: readonly string[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.certificate.subject,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + DAY_MS),
      signingAlgorithm: ECDSA,
      signingKey: this.keys.privateKey,
      entries: revoked.map((pem) => ({ serialNumber: new x509.X509Certificate(pem).serialNumber })),
    });
    return list.toString('pem').replaceAll(' CRL-', ' X509 CRL-');
  }

  private sign(
    subject: string,
    keys: CryptoKeyPair,
    extensions: x509.Extension[],
    notAfter?: Date,
  ): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      serialNumber: nextSerial(),
      subject,
      issuer: this.certificate.subject,
      ...validity(notAfter),
      signingAlgorithm: ECDSA,
      signingKey: this.keys.privateKey,
      publicKey: keys.publicKey,
      extensions,
    });
  }
}

async function generate(kind: 'ecdsa' | 'rsa'): Promise<CryptoKeyPair> {
  const { subtle } = webcrypto;
  const usages = ['sign', 'verify'] as const;
  return (await subtle.generateKey(kind === 'ecdsa' ? ECDSA : RSA, true, [...usages])) as CryptoKeyPair;
}

async function privatePem({ privateKey }: CryptoKeyPair): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', privateKey as webcrypto.CryptoKey);
  return x509.PemConverter.encode(der, 'PRIVATE KEY');
}

function nextSerial(): string {
  return (serial++).toString(16);
}

function validity(notAfter = new Date(Date.now() + DAY_MS)): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Math.min(Date.now(), notAfter.getTime()) - DAY_MS), notAfter };
}

function authorityExtensions(): x509.Extension[] {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
  ];
}

function leafExtensions(names: readonly string[]): x509.Extension[] {
  const generalNames = names.map(
    (value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value }) as const,
  );
  return [new x509.SubjectAlternativeNameExtension(generalNames)];
}
