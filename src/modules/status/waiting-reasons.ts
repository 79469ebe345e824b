import type { JobView } from '../job/index.js';
import type { WorkerView } from './worker-list.js';

/** What keeps a waiting job from running. */
export const waitingCodes = [
  'queue_paused',
  'backing_off',
  'snoozed',
  'not_due',
  'no_worker',
  'slots_busy',
  'jobs_ahead',
  'next',
] as const;
export type WaitingCode = (typeof waitingCodes)[number];

/** One reason, in a word for programs and a sentence for people. */
export interface WaitingReason {
  readonly code: WaitingCode;
  readonly text: string;
}

/** What is known when the question is asked. */
export interface WaitingFacts {
  readonly nowMs: number;
  readonly job: Pick<JobView, 'name' | 'queue' | 'attempt' | 'maxAttempts' | 'dueAt' | 'history'>;
  readonly pausedAt: string | null;
  readonly workers: readonly Pick<WorkerView, 'queues' | 'types' | 'draining' | 'slotsByQueue'>[];
  readonly ahead: number;
  /** True when more than `ahead` may stand before it. */
  readonly isPartial: boolean;
}

/** Why a waiting job waits: everything that would have to change before it runs, what lasts longest first. Pure. */
export function waitingReasons(facts: WaitingFacts): WaitingReason[] {
  const { job, pausedAt, nowMs } = facts;
  const isDue = job.dueAt === null || Date.parse(job.dueAt) <= nowMs;
  const reasons: WaitingReason[] = [];
  if (pausedAt !== null) {
    reasons.push({
      code: 'queue_paused',
      text: `The queue ${job.queue} is paused since ${pausedAt}; no job of it starts until it is resumed.`,
    });
  }
  if (job.dueAt !== null && !isDue) reasons.push(notDue(job, job.dueAt));
  const serving = facts.workers.filter(
    (worker) => !worker.draining && worker.types.includes(job.name) && worker.queues.includes(job.queue),
  );
  if (serving.length === 0) {
    reasons.push({
      code: 'no_worker',
      text: `No live worker serves ${job.name} in the queue ${job.queue}; it runs as soon as one does.`,
    });
  }
  if (reasons.length === 0) reasons.push(...turn(facts, serving));
  return reasons;
}

function notDue({ attempt, maxAttempts, history }: WaitingFacts['job'], dueAt: string): WaitingReason {
  const last = history.at(-1);
  if (last?.outcome === 'snoozed')
    return { code: 'snoozed', text: `Its handler asked to be run again at ${dueAt}.` };
  if (attempt > 0 && last) {
    return {
      code: 'backing_off',
      text: `Attempt ${attempt} of ${maxAttempts} ended as ${last.outcome}; it backs off and runs again at ${dueAt}.`,
    };
  }
  return { code: 'not_due', text: `It is not to run before ${dueAt}.` };
}

/** A job that may run and has a worker: it waits for its turn. */
function turn(
  { job, ahead, isPartial }: WaitingFacts,
  serving: readonly Pick<WorkerView, 'slotsByQueue'>[],
): WaitingReason[] {
  const reasons: WaitingReason[] = [];
  const isRetry = job.attempt > 0;
  const slots = serving.map(({ slotsByQueue }) => slotsOf(slotsByQueue[job.queue], isRetry));
  const total = slots.reduce((sum, one) => sum + one.total, 0);
  const busy = slots.reduce((sum, one) => sum + one.busy, 0);
  if (total > 0 && busy >= total) {
    const kind = isRetry ? 'slots for jobs that run again' : 'slots';
    reasons.push({
      code: 'slots_busy',
      text: `All ${total} ${kind} for the queue ${job.queue} are busy; one has to become free.`,
    });
  }
  if (ahead > 0) {
    const count = `${isPartial ? 'At least ' : ''}${ahead.toLocaleString('en-US')}`;
    reasons.push({
      code: 'jobs_ahead',
      text: `${count} ${ahead === 1 ? 'job is' : 'jobs are'} ahead of it.`,
    });
  }
  if (reasons.length > 0) return reasons;
  return [
    {
      code: 'next',
      text: 'Nothing holds it: it starts as soon as a worker takes it, usually within a second.',
    },
  ];
}

/** A worker's slots of a queue, as its heartbeat tells them. */
function slotsOf(told: unknown, isRetry: boolean): { readonly busy: number; readonly total: number } {
  const {
    busy = 0,
    retryBusy = 0,
    concurrency = 0,
    retryConcurrency = 0,
  } = (told ?? {}) as Record<string, number | undefined>;
  return isRetry ? { busy: retryBusy, total: retryConcurrency } : { busy, total: concurrency };
}
