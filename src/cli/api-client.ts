import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';
import { exitCodeOf, problemError } from './problem.js';

/** What a request carries besides its path. */
export interface RequestParts {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long the server may take on purpose, in ms, as with `?wait=`. */
  readonly serverWaitMs?: number;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** A success of the API. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** Longest wait for an answer that should come at once, in ms: long enough for a server that waits out a database restart. */
const ANSWER_WITHIN_MS = 30_000;

/** Speaks to the REST API of one server. Every method throws a `CliError` that says what to do next. */
export class ApiClient {
  /** @param token what is shown with every request, where there is one */
  constructor(
    private readonly base: URL,
    private readonly token?: string,
  ) {}

  /** The server it speaks to. */
  get origin(): string {
    return this.base.origin;
  }

  get<Body>(path: string, parts: RequestParts = {}): Promise<Answer<Body>> {
    return this.send('GET', path, parts);
  }

  post<Body>(path: string, parts: RequestParts = {}): Promise<Answer<Body>> {
    return this.send('POST', path, parts);
  }

  put<Body>(path: string, parts: RequestParts = {}): Promise<Answer<Body>> {
    return this.send('PUT', path, parts);
  }

  patch<Body>(path: string, parts: RequestParts = {}): Promise<Answer<Body>> {
    return this.send('PATCH', path, parts);
  }

  /** Of what answers without a body. */
  async delete(path: string): Promise<void> {
    const { status, isOk, text } = await this.exchange(this.urlOf(path, {}), 'DELETE', {});
    if (!isOk) throw this.refusal(status, text);
  }

  private async send<Body>(method: string, path: string, parts: RequestParts): Promise<Answer<Body>> {
    const url = this.urlOf(path, parts.query ?? {});
    const { status, isOk, text } = await this.exchange(url, method, parts);
    if (!isOk) throw this.refusal(status, text);
    const body = parsed(text);
    if (body === undefined) throw this.noRookery('no JSON');
    return { status, body: body as Body };
  }

  private async exchange(
    url: URL,
    method: string,
    { body, headers, serverWaitMs = 0, signal }: RequestParts,
  ): Promise<{ readonly status: number; readonly isOk: boolean; readonly text: string }> {
    const withinMs = ANSWER_WITHIN_MS + serverWaitMs;
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])]),
      });
      return { status: response.status, isOk: response.ok, text: await response.text() };
    } catch (error) {
      throw this.unreachable(error, withinMs);
    }
  }

  private urlOf(path: string, query: Readonly<Record<string, string | undefined>>): URL {
    const url = new URL(this.base);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    return url;
  }

  /** Of what is no success. A proxy in front of the server says in a page of its own that nobody is behind it at the moment. */
  private refusal(status: number, text: string): CliError {
    const body = parsed(text);
    if (body !== undefined) return problemError(status, body);
    const exitCode = exitCodeOf(status);
    if (exitCode !== exitCodes.unreachable) return this.noRookery(`${status}`);
    return new CliError(exitCode, `${this.base.origin} cannot serve now: it answered ${status}`);
  }

  private unreachable(error: unknown, withinMs: number): CliError {
    const { origin } = this.base;
    if (error instanceof Error && error.name === 'TimeoutError') {
      return new CliError(exitCodes.unreachable, `${origin} did not answer within ${withinMs / 1000} s`);
    }
    const reason = reasonOf(error);
    const isNobody = reason === undefined || reason === 'ECONNREFUSED';
    return new CliError(
      exitCodes.unreachable,
      isNobody
        ? `nothing answers at ${origin}; start one with npm start`
        : `${origin} cannot be reached: ${reason}`,
      isNobody ? ['--url or ROOKERY_URL names a server elsewhere'] : [],
    );
  }

  private noRookery(answered: string): CliError {
    return new CliError(
      exitCodes.refused,
      `what answers at ${this.base.origin} is no Rookery: it answered ${answered}`,
    );
  }
}

/** The reason under fetch's own "fetch failed": a code such as ECONNREFUSED, else a message. */
function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? (cause.message || undefined);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
