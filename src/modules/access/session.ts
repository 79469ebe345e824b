import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ApiToken } from '../../config/index.js';
import type { TokenBook } from './token-book.js';

/** The cookie that holds a session. */
export const SESSION_COOKIE = 'rookery_session';
/** A working day: who signs in in the morning stays so until the evening. */
export const SESSION_MS = 12 * 3_600_000;

/** A session that holds. */
export interface Session {
  readonly token: ApiToken;
  readonly expiresAtMs: number;
}

/**
 * A session of the token as its cookie holds it: `label.expiry.signature`. The signing key is derived from the token's secret, so every
 * process with that token knows the session, and a token that is taken away takes its sessions along.
 */
export function writeSession(token: ApiToken, expiresAtMs: number): string {
  const claims = `${token.label}.${Math.floor(expiresAtMs / 1000)}`;
  return `${claims}.${signatureOf(token, claims).toString('base64url')}`;
}

/** The session that a cookie holds; undefined when it is expired, or not one of these tokens. */
export function readSession(text: string, tokens: TokenBook, nowMs: number): Session | undefined {
  const [label = '', expiry = '', signature = '', ...rest] = text.split('.');
  const token = tokens.byLabel(label);
  if (!token || rest.length > 0 || !/^\d{1,12}$/.test(expiry)) return undefined;
  const given = Buffer.from(signature, 'base64url');
  const expected = signatureOf(token, `${label}.${expiry}`);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const expiresAtMs = Number(expiry) * 1000;
  return expiresAtMs > nowMs ? { token, expiresAtMs } : undefined;
}

/** The value of a cookie in the header of that name. */
export function cookieIn(header: string | undefined, name: string): string | undefined {
  const pair = header
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

function signatureOf({ secret }: ApiToken, claims: string): Buffer {
  const key = createHmac('sha256', secret).update('rookery session 1').digest();
  return createHmac('sha256', key).update(claims).digest();
}
