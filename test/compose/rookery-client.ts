import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A job as far as the test looks at it. */
export interface Job {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly run: number;
  readonly payload: unknown;
  readonly result: unknown;
  readonly workerId: string;
  readonly history: readonly { readonly run: number; readonly outcome: string; readonly worker: string }[];
}

export interface Worker {
  readonly id: string;
  /** The container's id, shortened. */
  readonly host: string;
  readonly busy: number;
}

export interface Totals {
  readonly processed: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly waiting: number;
  readonly executing: number;
}

/** Longest wait for one answer; a caller that is cut off in an outage tries again. */
const ANSWER_MS = 10_000;

/** Between two tries of a caller that was refused. */
const RETRY_MS = 250;

/** A caller outside of the compose project, who sees nothing of it but nginx. */
export class RookeryClient {
  constructor(private readonly url: string) {}

  async get<Body>(path: string, headers: Record<string, string> = {}): Promise<Answer<Body>> {
    return this.request<Body>(path, { headers });
  }

  async post<Body>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<Body>> {
    return this.request<Body>(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  /** The status of the answer to a change that a page of the site of that name asks for, as a browser does once the name leads here. */
  async changeFromPageOf(host: string): Promise<number> {
    const sent = request(`${this.url}/queue/shared/resume`, {
      method: 'POST',
      headers: { host, origin: `http://${host}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  }

  /**
   * Enqueues one job the way a careful caller does: with a key, again and again until it is accepted, whatever fails in between.
   * Resolves with the number of tries it took.
   */
  async enqueueForSure(name: string, payload: unknown, key: string, deadline: number): Promise<number> {
    for (let tries = 1; ; tries++) {
      const answer = await this.post('/job', { name, payload }, { 'idempotency-key': key }).catch(
        () => undefined,
      );
      if (answer && (answer.status === 201 || answer.status === 200)) return tries;
      if (answer && answer.status < 500) throw new Error(`refused with ${JSON.stringify(answer.body)}`);
      if (performance.now() > deadline) throw new Error(`not accepted in ${tries} tries`);
      await pause(RETRY_MS);
    }
  }

  async totals(): Promise<Totals> {
    return (await this.get<Totals>('/status')).body;
  }

  async workers(): Promise<readonly Worker[]> {
    return (await this.get<{ workers: readonly Worker[] }>('/worker')).body.workers;
  }

  /** Every job there is, newest first. */
  async allJobs(): Promise<Job[]> {
    const jobs: Job[] = [];
    for (let cursor = ''; ;) {
      const { body } = await this.get<{ jobs: Job[]; next: string | null }>(`/job/all?limit=1000${cursor}`);
      jobs.push(...body.jobs);
      if (body.next === null) return jobs;
      cursor = `&cursor=${encodeURIComponent(body.next)}`;
    }
  }

  private async request<Body>(path: string, init: RequestInit): Promise<Answer<Body>> {
    const response = await fetch(`${this.url}${path}`, {
      ...init,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as Body,
    };
  }
}
