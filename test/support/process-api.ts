import { expect } from 'vitest';
import type { JobView } from '../../src/modules/job/index.js';
import { eventually } from './eventually.js';
import type { RookeryProcess } from './rookery-process.js';

/** The longest the API lets a request wait. */
const LONG_POLL = '60s';

/** Enqueues a job over REST; fails the test unless it was taken. */
export async function enqueue(
  started: RookeryProcess,
  name: string,
  payload: unknown,
  options: object = {},
): Promise<string> {
  const { status, body } = await started.post<{ id: string }>('/job', { name, payload, ...options });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

/** Enqueues many in one request. */
export async function enqueueBulk(
  started: RookeryProcess,
  jobs: readonly object[],
): Promise<readonly string[]> {
  const { status, body } = await started.post<{ ids: string[] }>('/job/bulk', jobs);
  expect(status, JSON.stringify(body)).toBe(201);
  return body.ids;
}

/** Jobs enqueued one request a job by 20 clients, until the process takes no more. */
export interface Stream {
  /** Those that were acknowledged so far. */
  readonly ids: readonly string[];
  /** The statuses of answers that were not 201; a client goes on after none of them. */
  readonly refusals: readonly number[];
  readonly ended: Promise<void>;
}

export function enqueueUntilRefused(started: RookeryProcess): Stream {
  const ids: string[] = [];
  const refusals: number[] = [];
  const client = async (): Promise<void> => {
    for (;;) {
      const { status, body } = await started.post<{ id: string }>('/job', {
        name: 'work',
        payload: { ms: 0 },
      });
      if (status !== 201) return void refusals.push(status);
      ids.push(body.id);
    }
  };
  // A connection that is refused or broken ends its client.
  const clients = Array.from({ length: 20 }, () => client().catch(() => undefined));
  return { ids, refusals, ended: Promise.all(clients).then(() => undefined) };
}

/** Asserts that the process knows each of these jobs. */
export async function expectAllKnown(started: RookeryProcess, ids: readonly string[]): Promise<void> {
  const known = new Set((await allJobs(started)).map(({ id }) => id));
  expect(ids.filter((id) => !known.has(id))).toEqual([]);
}

/** The job once it has ended, by the API's own long poll. */
export async function ended(started: RookeryProcess, id: string): Promise<JobView> {
  await started.get(`/job/${id}/status?wait=${LONG_POLL}`);
  const { body } = await started.get<JobView>(`/job/${id}`);
  return body;
}

/** Every job, oldest first. */
export async function allJobs(started: RookeryProcess): Promise<JobView[]> {
  const jobs: JobView[] = [];
  for (let cursor = ''; ;) {
    const { status, body } = await started.get<{ jobs: JobView[]; next: string | null }>(
      `/job/all?limit=1000${cursor}`,
    );
    expect(status, JSON.stringify(body)).toBe(200);
    jobs.push(...body.jobs);
    if (body.next === null) return jobs.reverse();
    cursor = `&cursor=${encodeURIComponent(body.next)}`;
  }
}

/** Resolves when the process says of itself that it is, or is not, ready for requests. */
export async function readiness(started: RookeryProcess, isReady: boolean): Promise<void> {
  await eventually(async () => (await started.get('/health/ready')).status === (isReady ? 200 : 503), {
    withinMs: 60_000,
  });
}
