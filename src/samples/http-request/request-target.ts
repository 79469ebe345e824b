import { RequestError } from './request-error.js';

/** What is asked for, one hop after the other. */
export interface RequestTarget {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** Headers that say nothing about the caller, and so may follow a redirect to another origin. */
const HARMLESS = new Set(['accept', 'accept-encoding', 'accept-language', 'content-type', 'user-agent']);

/** The URL, if it is http or https and carries no user or password; else throws a final `RequestError`. */
export function httpUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (!url) throw new RequestError(`${JSON.stringify(text)} is no URL`, true);
  const problem = problemOf(url);
  if (problem !== undefined) throw new RequestError(`${url.origin} ${problem}`, true);
  return url;
}

/** What keeps a URL from being requested; undefined when nothing does. */
export function problemOf(url: URL): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'is neither http nor https';
  if (url.username !== '' || url.password !== '') {
    return 'carries a user or a password; put them into an authorization header';
  }
  return undefined;
}

/**
 * Where a redirect leads, by the rules of browsers: 303 turns every method but HEAD into GET, 301 and 302 only POST, and what
 * turns into GET loses its body. To another origin only harmless headers go along, because the others may hold secrets.
 */
export function redirected(from: RequestTarget, status: number, location: string): RequestTarget {
  const url = httpUrl(location, from.url);
  const becomesGet =
    (status === 303 && from.method !== 'HEAD') ||
    ((status === 301 || status === 302) && from.method === 'POST');
  const isSameOrigin = url.origin === from.url.origin;
  const headers = Object.entries(from.headers).filter(([name]) => {
    const lower = name.toLowerCase();
    if (becomesGet && lower.startsWith('content-')) return false;
    return isSameOrigin || HARMLESS.has(lower);
  });
  return {
    url,
    method: becomesGet ? 'GET' : from.method,
    headers: Object.fromEntries(headers),
    body: becomesGet ? undefined : from.body,
  };
}
