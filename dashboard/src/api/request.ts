import { ApiError } from './api-error.js';

/** Where the API is: beside the page's own folder, whatever prefix stands before both. */
export const apiRoot = new URL('..', document.baseURI);

/** Longer than any answer but one that is asked to wait. */
const LONGEST_MS = 30_000;

export type Params = Readonly<Record<string, string | number | undefined>>;

export interface RequestOptions {
  readonly params?: Params;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** Asks the API and answers its JSON. Throws `ApiError` for whatever is no success. */
export async function request<Answer>(
  method: string,
  path: string,
  { params = {}, body, signal }: RequestOptions = {},
): Promise<Answer> {
  const url = new URL(path.replace(/^\//, ''), apiRoot);
  for (const [name, value] of Object.entries(params))
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  const response = await send(url, {
    method,
    signal: signal
      ? AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)])
      : AbortSignal.timeout(LONGEST_MS),
    headers: {
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw problemOf(response.status, text);
  return (text === '' ? undefined : parsed(text, response.status)) as Answer;
}

async function send(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(
      0,
      'unreachable',
      'The server does not answer',
      'It may be restarting, or the network is away. The page goes on asking.',
    );
  }
}

function problemOf(status: number, text: string): ApiError {
  const problem = parsed(text, status) as Partial<ApiError> | undefined;
  return new ApiError(
    status,
    problem?.code ?? 'unknown',
    problem?.title ?? `The server answered ${status}`,
    problem?.detail ?? text.slice(0, 300),
    problem?.issues ?? [],
  );
}

function parsed(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (status < 400) throw new ApiError(status, 'unknown', 'The answer is no JSON', text.slice(0, 300));
    return undefined;
  }
}
