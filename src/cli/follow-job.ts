import { monotonicMs } from '../kernel/clock.js';
import { askAgain, type Patience } from './ask-again.js';
import type { ApiClient } from './api-client.js';
import type { JobAnswer } from './api-answers.js';

export interface FollowOptions {
  /** Longest wait for the job's end, in ms; none when absent. */
  readonly withinMs?: number | undefined;
  /** How often `onChange` hears of the job, in ms. */
  readonly everyMs: number;
  /** Hears that the server does not answer at the moment. */
  readonly onAway: () => void;
  /** Hears how the job is, at first, in between and in the end. */
  readonly onChange?: (job: JobAnswer) => Promise<void> | void;
}

/**
 * Resolves with the job once it has ended, or as it is when the time is over. The server holds each question until there is news or
 * `everyMs` is over; one that goes away is waited for, as a restart takes its time.
 */
export async function followJob(
  client: ApiClient,
  id: string,
  { withinMs = Infinity, everyMs, onAway, onChange }: FollowOptions,
): Promise<JobAnswer> {
  const startedAt = monotonicMs();
  const patience: Patience = {
    remedy: `job ${id} is stored; rookery watch ${id} waits on`,
    untilMs: startedAt + withinMs,
    onAway,
  };
  const path = `/job/${encodeURIComponent(id)}`;
  for (;;) {
    const { body: job } = await askAgain(() => client.get<JobAnswer>(path), patience);
    await onChange?.(job);
    const leftMs = Math.round(startedAt + withinMs - monotonicMs());
    if (hasEnded(job) || leftMs <= 0) return job;
    const serverWaitMs = Math.min(everyMs, leftMs);
    const query = { wait: `${serverWaitMs}ms` };
    await askAgain(() => client.get(`${path}/status`, { query, serverWaitMs }), patience);
  }
}

/** True for a job that does not move on by itself. */
export function hasEnded({ status }: JobAnswer): boolean {
  return status !== 'waiting' && status !== 'executing';
}
