import createClient from 'openapi-fetch';
import { ApiError } from './api-error.js';
import { hearClock } from './server-clock.js';
import type { paths } from './schema.js';

/** Where the API is: beside the page's own folder, whatever prefix stands before both. */
export const apiRoot = new URL('..', document.baseURI);

/** Longer than any answer but one that is asked to wait. */
const LONGEST_MS = 30_000;

/** The API, typed by its own description: a route, a parameter or a field that is not there does not compile. */
export const api = createClient<paths>({
  baseUrl: apiRoot.href.replace(/\/$/, ''),
  fetch: send,
});

/** The body of an answer. Throws `ApiError` for whatever is no success. */
export async function answered<Body>(
  asked: Promise<{ readonly data?: Body; readonly error?: unknown; readonly response: Response }>,
): Promise<Body> {
  const { data, error, response } = await asked;
  if (!response.ok) throw problemOf(response.status, error);
  return data as Body;
}

/** Sends a request that changes nothing, whatever its method. Throws `ApiError` when no whole answer came. */
export async function ask(request: Request): Promise<Response> {
  const wasOffline = !navigator.onLine;
  try {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(LONGEST_MS)]);
    const response = await fetch(request, { signal });
    hearClock(response);
    // Read here, where a body that breaks off is known for what it is.
    return new Response(response.body && (await response.arrayBuffer()), response);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw wasOffline ? offline() : unreachable();
  }
}

/** Sends any request; of one that changes something it says what its missing answer means. */
async function send(request: Request): Promise<Response> {
  try {
    return await ask(request);
  } catch (error) {
    const isLost = error instanceof ApiError && error.code === 'unreachable' && request.method !== 'GET';
    throw isLost ? unanswered() : error;
  }
}

const offline = (): ApiError =>
  new ApiError(
    0,
    'offline',
    'This device is offline',
    'Nothing was sent, and nothing is sent later. What is shown is as it was before.',
  );

const unreachable = (): ApiError =>
  new ApiError(
    0,
    'unreachable',
    'The server does not answer',
    'It may be restarting, or the network is away. The page goes on asking.',
  );

const unanswered = (): ApiError =>
  new ApiError(
    0,
    'unanswered',
    'No answer came',
    'It may have been done all the same: look before you do it again. The page does not repeat it by itself.',
  );

function problemOf(status: number, body: unknown): ApiError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<ApiError>;
  return new ApiError(
    status,
    problem.code ?? 'unknown',
    problem.title ?? `The server answered ${status}`,
    problem.detail ?? (typeof body === 'string' ? body.slice(0, 300) : ''),
    problem.issues ?? [],
  );
}
