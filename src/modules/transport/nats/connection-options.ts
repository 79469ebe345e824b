import { readFileSync } from 'node:fs';
import { access as checkAccess, constants } from 'node:fs/promises';
import { type Authenticator, credsAuthenticator, type NodeConnectionOptions } from '@nats-io/transport-node';
import { RookeryError, toError } from '../../../kernel/errors.js';
import type { NatsAccess } from './nats-access.js';

/** Soon enough that tickets flow again within a second or two of the server's return, and no load on a server that is down. */
const RECONNECT_WAIT_MS = 250;

/** Spreads the return of many processes. */
const RECONNECT_JITTER_MS = 250;

/** Longest wait for a server that accepts and says nothing. */
const CONNECT_TIMEOUT_MS = 3_000;

/** A connection whose other side is silently gone is noticed after two of these, 10 to 15 seconds. */
const PING_INTERVAL_MS = 5_000;
const MAX_PINGS_OUT = 2;

const SCHEMES = ['nats:', 'tls:'];

/**
 * What the NATS client is told: retry for ever, also after a refused login, because a server that is being set up again
 * refuses for a while.
 * @throws RookeryError `invalid_config` when a server is no address
 */
export function connectionOptions(access: NatsAccess): NodeConnectionOptions {
  const urls = serverUrls(access.servers);
  const isEncrypted = access.tls !== undefined || urls.some((url) => url.protocol === 'tls:');
  return {
    name: 'rookery',
    servers: urls.map((url) => url.host),
    ...loginOf(access, urls),
    ...(isEncrypted && { tls: { ...access.tls } }),
    reconnect: true,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
  };
}

/** Rejects with a RookeryError `invalid_config` that names the file which cannot be read. */
export async function checkFiles({ credsFile, tls = {} }: NatsAccess): Promise<void> {
  for (const file of [credsFile, tls.caFile, tls.certFile, tls.keyFile]) {
    if (file === undefined) continue;
    try {
      await checkAccess(file, constants.R_OK);
    } catch (thrown) {
      const message = `cannot read ${file}, which NATS is to be reached with: ${toError(thrown).message}`;
      throw new RookeryError('invalid_config', message, { file }, { cause: thrown });
    }
  }
}

function serverUrls(servers: string | readonly string[]): URL[] {
  const texts = (typeof servers === 'string' ? [servers] : servers)
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (texts.length === 0)
    throw new RookeryError('invalid_config', 'no NATS server is named; write nats://host:4222');
  return texts.map(serverUrl);
}

function serverUrl(text: string): URL {
  const url = parseUrl(text.includes('://') ? text : `nats://${text}`);
  if (url && url.hostname !== '' && SCHEMES.includes(url.protocol)) return url;
  // The text may hold a password and is not repeated.
  throw new RookeryError(
    'invalid_config',
    'not the URL of a NATS server; write nats://host:4222 or tls://host:4222',
  );
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The fields go before what the first URL says. */
function loginOf(access: NatsAccess, urls: readonly URL[]): NodeConnectionOptions {
  const { credsFile } = access;
  if (credsFile !== undefined) return { authenticator: credsFrom(credsFile) };
  if (access.token !== undefined) return { token: access.token };
  if (access.user !== undefined)
    return { user: access.user, ...(access.pass !== undefined && { pass: access.pass }) };
  const withLogin = urls.find((url) => url.username !== '');
  if (!withLogin) return {};
  const user = decodeURIComponent(withLogin.username);
  return withLogin.password === '' ? { token: user } : { user, pass: decodeURIComponent(withLogin.password) };
}

function credsFrom(file: string): Authenticator {
  return (nonce) => credsAuthenticator(new Uint8Array(readFileSync(file)))(nonce);
}
