import type { Agent, Dispatcher } from 'undici';
import { request } from 'undici';
import { RequestError } from './request-error.js';
import { redirected, type RequestTarget } from './request-target.js';
import { readBody, type ResponseBody } from './response-body.js';

/** The response that a request came to, after its redirects. */
export interface HttpExchange extends ResponseBody {
  /** The URL that answered. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The URLs passed on the way, the first one first. */
  readonly redirects: readonly string[];
}

export interface ExchangeLimits {
  readonly agent: Agent;
  readonly signal: AbortSignal;
  readonly maxRedirects: number;
  readonly maxResponseBytes: number;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** What is read of a redirect's body to keep its connection, in bytes; more is not worth it. */
const REDIRECT_BODY_BYTES = 16_384;

/** Makes a request and follows its redirects, each one checked like the first. Throws `RequestError`, or the signal's reason. */
export async function exchange(first: RequestTarget, limits: ExchangeLimits): Promise<HttpExchange> {
  const redirects: string[] = [];
  let target = first;
  for (;;) {
    const response = await send(target, limits);
    const location = response.headers['location'];
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string') {
      return { ...(await received(target, response, limits)), redirects };
    }
    await response.body.dump({ limit: REDIRECT_BODY_BYTES, signal: limits.signal });
    if (redirects.length >= limits.maxRedirects) {
      throw new RequestError(`${first.url.href} redirects more than ${limits.maxRedirects} times`, true);
    }
    redirects.push(target.url.href);
    target = redirected(target, response.statusCode, location);
  }
}

async function send(
  target: RequestTarget,
  { agent, signal }: ExchangeLimits,
): Promise<Dispatcher.ResponseData> {
  const { url, method, headers, body } = target;
  try {
    return await request(url, {
      dispatcher: agent,
      method,
      headers,
      body: body ?? null,
      signal,
    });
  } catch (error) {
    throw networkError(target, error, signal);
  }
}

async function received(
  target: RequestTarget,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  { signal, maxResponseBytes }: ExchangeLimits,
): Promise<Omit<HttpExchange, 'redirects'>> {
  const kept = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  // Without a body there is nothing packed, whatever the head says.
  const hasBody = target.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304;
  const encoding = hasBody ? headers['content-encoding'] : undefined;
  try {
    return {
      url: target.url.href,
      status: statusCode,
      headers: Object.fromEntries(kept) as HttpExchange['headers'],
      ...(await readBody(body, typeof encoding === 'string' ? encoding : undefined, maxResponseBytes)),
    };
  } catch (error) {
    throw networkError(target, error, signal);
  }
}

/** A failure on the way, which another attempt may not meet; the signal's own reason when it was that. */
function networkError(target: RequestTarget, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof RequestError) return error;
  const message = error instanceof Error ? error.message.trim() : String(error);
  return new RequestError(`${target.method} ${target.url.href} failed: ${message}`, false, { cause: error });
}
