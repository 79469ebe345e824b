import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type ApiToken, type RookeryConfig } from '../../config/index.js';
import { monotonicMs, systemClock } from '../../kernel/clock.js';
import { RookeryError } from '../../kernel/errors.js';
import { FailureLimit } from './failure-limit.js';
import { maySatisfy, type Need } from './needs.decorator.js';
import { pageOrigin } from './same-origin.js';
import { SESSION_COOKIE, cookieIn, readSession, type Session } from './session.js';
import { TokenBook } from './token-book.js';

/** A request as both platforms have it. */
export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly ip?: string;
  readonly protocol?: string;
}

/** Methods that change nothing. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Decides who may do what: by the tokens of the settings, and where there are none, everybody who reaches the process. */
@Injectable()
export class Access {
  private readonly tokens: TokenBook;
  private readonly failures = new FailureLimit();

  constructor(@Inject(CONFIG) { api }: RookeryConfig) {
    this.tokens = new TokenBook(api.tokens);
  }

  /** True when nobody is asked who they are. */
  get isOpen(): boolean {
    return this.tokens.isEmpty;
  }

  /** Throws `unauthorized`, `forbidden` or `too_many_failures` unless the caller may do what needs that. */
  admit(request: HttpRequest, need: Need): void {
    if (need === 'nothing') return;
    if (this.isOpen) return assertOwnPage(request);
    const bearer = bearerOf(request);
    if (bearer !== undefined) return assertRole(this.tokenOf(bearer, request.ip ?? ''), need);
    const session = this.sessionOf(request);
    if (!session)
      throw new RookeryError(
        'unauthorized',
        'send a token, as Authorization: Bearer SECRET, or sign in with POST /session',
      );
    assertOwnPage(request, true);
    assertRole(session.token, need);
  }

  /** The same for a request over NATS, which tells no address. */
  admitSecret(secret: string | undefined, need: Need): void {
    if (need === 'nothing' || this.isOpen) return;
    const token = secret === undefined ? undefined : this.tokens.bySecret(secret);
    if (!token)
      throw new RookeryError(
        'unauthorized',
        `${secret === undefined ? 'the message has no token' : 'no token has that secret'}; send the header Authorization: Bearer SECRET, or a field token`,
      );
    assertRole(token, need);
  }

  /** The token of a secret that was sent from there. Throws `unauthorized`, and `too_many_failures` before it even looks. */
  tokenOf(secret: string, address: string): ApiToken {
    const waitMs = this.failures.waitMs(address, monotonicMs());
    if (waitMs > 0) {
      const retryAfter = Math.ceil(waitMs / 1000);
      throw new RookeryError(
        'too_many_failures',
        `too many wrong tokens came from ${address}; try again in ${retryAfter} s`,
        { retryAfter },
      );
    }
    const token = this.tokens.bySecret(secret);
    if (token) return token;
    this.failures.add(address, monotonicMs());
    throw new RookeryError('unauthorized', 'no token has that secret');
  }

  /** The session of a browser that signed in. */
  sessionOf({ headers }: Pick<HttpRequest, 'headers'>): Session | undefined {
    const { cookie } = headers;
    const text = typeof cookie === 'string' ? cookieIn(cookie, SESSION_COOKIE) : undefined;
    return text === undefined ? undefined : readSession(text, this.tokens, systemClock.now());
  }
}

function bearerOf({ headers }: HttpRequest): string | undefined {
  const { authorization } = headers;
  if (typeof authorization !== 'string') return undefined;
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
}

/**
 * Throws `forbidden` for a change that another site's page asks for: a browser sends a session along with it, and reaches this machine
 * where nobody is asked at all.
 */
export function assertOwnPage({ method, headers }: HttpRequest, isSession = false): void {
  if (SAFE.has(method)) return;
  const origin = pageOrigin(headers);
  // Whoever serves pages on this machine can call the API without them, but not with somebody's session.
  const isOurs = origin === 'same' || (!isSession && origin !== 'foreign');
  if (isOurs) return;
  throw new RookeryError(
    'forbidden',
    'a page of another site may change nothing here; without a browser, send a token as Authorization: Bearer SECRET',
  );
}

function assertRole({ label, role }: ApiToken, need: Need): void {
  if (maySatisfy(role, need)) return;
  throw new RookeryError('forbidden', `this needs the role ${need}; the token ${label} has ${role}`, {
    needs: need,
    has: role,
  });
}
