import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A certificate and its private key, as PEM. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of one test, and what it signed. */
export interface TestCertificates {
  readonly authority: TestCertificate;
  /** For a server on `localhost` and 127.0.0.1. */
  readonly server: TestCertificate;
  readonly client: TestCertificate;
}

interface Holder {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes an authority, a server's and a client's certificate with nothing but Node: no tool has to be installed for it. */
export function makeCertificates(): TestCertificates {
  const [authority, server, client] = [makeHolder('Test CA'), makeHolder('localhost'), makeHolder('client')];
  return {
    authority: certify(authority, authority, [extension(BASIC_CONSTRAINTS, sequence(TRUE), true)]),
    server: certify(server, authority, [extension(ALTERNATIVE_NAMES, sequence(LOCALHOST, LOOPBACK))]),
    client: certify(client, authority, []),
  };
}

const COMMON_NAME = objectId('550403');
const ECDSA_WITH_SHA256 = objectId('2a8648ce3d040302');
const BASIC_CONSTRAINTS = objectId('551d13');
const ALTERNATIVE_NAMES = objectId('551d11');
const TRUE = der(0x01, Buffer.from([0xff]));
const LOCALHOST = der(0x82, Buffer.from('localhost'));
const LOOPBACK = der(0x87, Buffer.from([127, 0, 0, 1]));
const [VALID_FROM, VALID_TO] = ['20200101000000Z', '20991231235959Z'];

let nextSerial = 1;

function makeHolder(name: string): Holder {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

/** An X.509 v3 certificate (RFC 5280, section 4.1). */
function certify(holder: Holder, issuer: Holder, extensions: readonly Buffer[]): TestCertificate {
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([nextSerial++])),
    sequence(ECDSA_WITH_SHA256),
    distinguishedName(issuer.name),
    sequence(der(0x18, Buffer.from(VALID_FROM)), der(0x18, Buffer.from(VALID_TO))),
    distinguishedName(holder.name),
    holder.publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const signature = createSign('sha256').update(content).sign(issuer.privateKey);
  const whole = sequence(
    content,
    sequence(ECDSA_WITH_SHA256),
    der(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: holder.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
}

function extension(id: Buffer, value: Buffer, isCritical = false): Buffer {
  return sequence(id, ...(isCritical ? [TRUE] : []), der(0x04, value));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** One value of ASN.1, distinguished encoding. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
