import type { JobState, Totals } from '../../src/modules/job/index.js';

/**
 * What the claim, settle and lease protocol is to do, told as simply as can be: objects in memory, and what each command does to one job.
 * It shares no code with the product; the names of states and counts are all it takes from it.
 */

/** How a worker says that a run ended; `given up` is a handler that ends its job as done in spite of an error. */
export const runEnds = [
  'succeeded',
  'failed',
  'failed for good',
  'canceled',
  'snoozed',
  'interrupted',
  'lost',
  'given up',
] as const;
export type RunEnd = (typeof runEnds)[number];

/** When a job may run: it never had to wait for a time, its time has come, or it has not. */
export type Due = 'none' | 'past' | 'future';

export interface ModelEntry {
  readonly run: number;
  readonly attempt: number;
  readonly outcome: string;
  readonly worker: string;
}

/** A job as the model knows it, and as the table must show it. */
export interface ModelJob {
  readonly id: string;
  readonly maxAttempts: number;
  readonly isMember: boolean;
  status: JobState;
  run: number;
  attempt: number;
  due: Due;
  isCancelRequested: boolean;
  worker: string | null;
  /** The run whose success is the result. */
  result: number | null;
  history: ModelEntry[];
}

/** A run that a worker was once told it has; it may have lost it since. */
export interface HeldRun {
  readonly id: string;
  readonly worker: string;
  readonly run: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly isMember: boolean;
}

/** One command as far as it concerns one job. */
export type JobStep =
  | {
      readonly kind: 'enqueue';
      readonly id: string;
      readonly maxAttempts: number;
      readonly due: Due;
      readonly isMember: boolean;
      readonly key: string | null;
      /** The worker that it is stored as claimed by. */
      readonly claimedBy: string | null;
    }
  | { readonly kind: 'claim'; readonly id: string; readonly worker: string; readonly areRetries: boolean }
  | {
      readonly kind: 'settle';
      readonly id: string;
      /** Who asks; another than the run's own worker is an impostor. */
      readonly worker: string;
      readonly held: HeldRun;
      readonly end: RunEnd;
      readonly isDelayed: boolean;
      readonly isRepeated: boolean;
    }
  | { readonly kind: 'cancel'; readonly id: string; readonly onlyWaiting: boolean }
  | { readonly kind: 'retry'; readonly id: string; readonly key: string | null; readonly isExpired: boolean }
  | { readonly kind: 'audit'; readonly id: string }
  | { readonly kind: 'fall due'; readonly id: string };

/** The flows that the counters count. */
export type Flows = Record<
  | 'enqueued'
  | 'claimed'
  | 'returned'
  | 'done'
  | 'failed'
  | 'canceled'
  | 'canceled_waiting'
  | 'reopened_failed'
  | 'reopened_canceled',
  number
>;

export function noFlows(): Flows {
  return {
    enqueued: 0,
    claimed: 0,
    returned: 0,
    done: 0,
    failed: 0,
    canceled: 0,
    canceled_waiting: 0,
    reopened_failed: 0,
    reopened_canceled: 0,
  };
}

/** Jobs that one key binds together, or one job; what happens to the others does not concern them. */
export interface JobGroup {
  readonly jobs: Map<string, ModelJob>;
  /** Which job had each key last. */
  readonly keys: Map<string, string>;
  readonly flows: Flows;
}

/** Does the step, and says what whoever asked for it is told of that job. */
export function take(group: JobGroup, step: JobStep): string {
  if (step.kind === 'enqueue') return enqueue(group, step);
  const job = group.jobs.get(step.id);
  if (!job) return 'unknown';
  switch (step.kind) {
    case 'claim':
      return claim(group, job, step);
    case 'settle':
      return settle(group, job, step);
    case 'cancel':
      return cancel(group, job, step);
    case 'retry':
      return retry(group, job, step);
    case 'audit':
      if (isOpen(job) && job.due === 'none') job.due = 'past';
      return 'passed';
    case 'fall due':
      if (job.due === 'future') job.due = 'past';
      return 'passed';
  }
}

export function isOpen(job: ModelJob): boolean {
  return job.status === 'waiting' || job.status === 'executing';
}

/** True of a job that a worker with a free slot is to find, with no ticket for it. */
export function isReady(job: ModelJob): boolean {
  return job.status === 'waiting' && job.due !== 'future';
}

/** True of a key whose last job is open. */
function holderOf({ jobs, keys }: JobGroup, key: string): string | undefined {
  const job = jobs.get(keys.get(key) ?? '');
  return job && isOpen(job) ? job.id : undefined;
}

function enqueue(group: JobGroup, step: JobStep & { readonly kind: 'enqueue' }): string {
  const holder = step.key === null ? undefined : holderOf(group, step.key);
  if (holder !== undefined) return `duplicate of ${holder}`;
  if (step.key !== null) group.keys.set(step.key, step.id);
  const isClaimed = step.claimedBy !== null;
  group.jobs.set(step.id, {
    id: step.id,
    maxAttempts: step.maxAttempts,
    isMember: step.isMember,
    status: isClaimed ? 'executing' : 'waiting',
    run: isClaimed ? 1 : 0,
    attempt: isClaimed ? 1 : 0,
    due: step.due,
    isCancelRequested: false,
    worker: step.claimedBy,
    result: null,
    history: [],
  });
  group.flows.enqueued++;
  if (isClaimed) group.flows.claimed++;
  return isClaimed ? 'claimed' : 'stored';
}

function claim(group: JobGroup, job: ModelJob, step: JobStep & { readonly kind: 'claim' }): string {
  if (!isReady(job) || job.attempt > 0 !== step.areRetries) return 'left';
  job.status = 'executing';
  job.run++;
  job.attempt++;
  job.worker = step.worker;
  group.flows.claimed++;
  return `run ${job.run}, attempt ${job.attempt}`;
}

/** Where a run that ended so leaves its job. */
function stateAfter(end: RunEnd, { attempt, maxAttempts }: HeldRun): Exclude<JobState, 'executing'> {
  switch (end) {
    case 'succeeded':
    case 'given up':
      return 'done';
    case 'canceled':
      return 'canceled';
    case 'failed for good':
      return 'failed';
    case 'snoozed':
    case 'interrupted':
      return 'waiting';
    case 'failed':
    case 'lost':
      return attempt < maxAttempts ? 'waiting' : 'failed';
  }
}

function settle(group: JobGroup, job: ModelJob, step: JobStep & { readonly kind: 'settle' }): string {
  const { held, end, worker } = step;
  const wanted = stateAfter(end, held);
  const isOwn = job.run === held.run && job.worker === worker;
  if (!isOwn || job.status !== 'executing') {
    const isAsWanted = job.status === wanted || (wanted === 'waiting' && job.status === 'canceled');
    return step.isRepeated && isOwn && isAsWanted ? `settled ${job.status}` : 'refused';
  }
  job.status = wanted === 'waiting' && job.isCancelRequested ? 'canceled' : wanted;
  job.due = job.status !== 'waiting' ? 'none' : step.isDelayed ? 'future' : 'past';
  if (end === 'succeeded') job.result = held.run;
  else {
    const outcome = end === 'failed for good' || end === 'given up' ? 'failed' : end;
    job.history = [...job.history, { run: held.run, attempt: held.attempt, outcome, worker }].slice(-20);
    if (end === 'snoozed' || end === 'interrupted') job.attempt--;
  }
  group.flows[job.status === 'waiting' ? 'returned' : job.status]++;
  return `settled ${job.status}`;
}

function cancel(group: JobGroup, job: ModelJob, step: JobStep & { readonly kind: 'cancel' }): string {
  if (!isOpen(job) || (step.onlyWaiting && job.status === 'executing')) return 'left';
  job.isCancelRequested = true;
  if (job.status === 'executing') return 'executing';
  job.status = 'canceled';
  job.due = 'none';
  group.flows.canceled_waiting++;
  return 'canceled';
}

function retry(group: JobGroup, job: ModelJob, step: JobStep & { readonly kind: 'retry' }): string {
  if (job.status !== 'failed' && job.status !== 'canceled') return 'left';
  if (step.isExpired) return 'left';
  const holder = step.key === null ? undefined : holderOf(group, step.key);
  if (holder !== undefined && holder !== job.id) return 'left';
  if (step.key !== null) group.keys.set(step.key, job.id);
  group.flows[job.status === 'failed' ? 'reopened_failed' : 'reopened_canceled']++;
  job.status = 'waiting';
  job.attempt = 0;
  job.due = 'past';
  job.isCancelRequested = false;
  job.result = null;
  return 'reopened';
}

/** A copy that further steps change without changing this one. */
export function copyOf({ jobs, keys, flows }: JobGroup): JobGroup {
  return {
    jobs: new Map([...jobs].map(([id, job]) => [id, { ...job }])),
    keys: new Map(keys),
    flows: { ...flows },
  };
}

/** What the tables of one run of commands hold, in the model's words. */
export interface Shown {
  readonly jobs: ReadonlyMap<string, ModelJob>;
  /** Which job each key names. */
  readonly keys: ReadonlyMap<string, string>;
  readonly flows: Flows;
  readonly totals: Omit<Totals, 'queue' | 'name'>;
  /** What a worker without any ticket finds. */
  readonly ready: readonly string[];
  /** Open jobs that nobody would find. */
  readonly lostFromSight: readonly string[];
  readonly batch: {
    readonly total: number;
    readonly done: number;
    readonly failed: number;
    readonly canceled: number;
    readonly isSealed: boolean;
    readonly isComplete: boolean;
  };
}
