import { monotonicMs } from '../kernel/clock.js';
import type { ApiClient } from './api-client.js';
import type { JobAnswer } from './api-answers.js';

export interface FollowOptions {
  /** Longest wait for the job's end, in ms; none when absent. */
  readonly withinMs?: number | undefined;
  /** How often `onChange` hears of the job, in ms. */
  readonly everyMs: number;
  /** Hears how the job is, at first, in between and in the end. */
  readonly onChange?: (job: JobAnswer) => Promise<void> | void;
}

/** Resolves with the job once it has ended, or as it is when the time is over. The server holds each question until there is news or `everyMs` is over. */
export async function followJob(
  client: ApiClient,
  id: string,
  { withinMs = Infinity, everyMs, onChange }: FollowOptions,
): Promise<JobAnswer> {
  const startedAt = monotonicMs();
  const path = `/job/${encodeURIComponent(id)}`;
  for (;;) {
    const { body: job } = await client.get<JobAnswer>(path);
    await onChange?.(job);
    const leftMs = Math.round(startedAt + withinMs - monotonicMs());
    if (hasEnded(job) || leftMs <= 0) return job;
    const serverWaitMs = Math.min(everyMs, leftMs);
    await client.get(`${path}/status`, { query: { wait: `${serverWaitMs}ms` }, serverWaitMs });
  }
}

/** True for a job that does not move on by itself. */
export function hasEnded({ status }: JobAnswer): boolean {
  return status !== 'waiting' && status !== 'executing';
}
