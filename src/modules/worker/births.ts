import { AsyncLocalStorage } from 'node:async_hooks';
import type { Json } from '../../kernel/json.js';
import { dayOf, type BirthClaim, type ClaimedJob, type NewJob } from '../job/index.js';
import type { Slots } from './slots.js';

/** What a line lets its births do. */
export interface BirthParts {
  readonly queue: string;
  readonly slots: Slots;
  /** Whether jobs of that name run here. */
  readonly runs: (name: string) => boolean;
  /** Whether the line takes jobs, and none may wait that is older. */
  readonly isOpen: () => boolean;
  readonly workerId: () => string;
  /** Whether the lease is still this worker's. */
  readonly isHeldBy: (workerId: string) => boolean;
  readonly start: (job: ClaimedJob, workerId: string) => void;
  /** Claims ids for a slot already taken, those included that this worker is executing without knowing; gives the slot back where there is nothing to run. */
  readonly claim: (ids: readonly string[], workerId: string) => Promise<unknown>;
}

/** Claims of one line on jobs that are about to be stored. */
export class Births {
  private pending = 0;
  private waiters: (() => void)[] = [];
  /** A run is nobody's request: whatever context its job was enqueued in, it begins in that of the boot. */
  private readonly atBoot = AsyncLocalStorage.snapshot();

  constructor(private readonly parts: BirthParts) {}

  /** Takes slots for all of these jobs, or for none. */
  claim(jobs: readonly NewJob[]): BirthClaim | undefined {
    const { slots, isOpen, workerId } = this.parts;
    if (slots.free < jobs.length || !isOpen() || !this.areOurs(jobs)) return undefined;
    slots.take(jobs.length);
    this.pending += jobs.length;
    const worker = workerId();
    return {
      workerId: worker,
      // Whoever waits for these jobs to be stored goes on first.
      begin: (stored, startedAt) =>
        void setImmediate(() => this.atBoot(() => this.begin(stored, startedAt, worker))),
      resolve: (unknown) => void this.atBoot(() => this.resolve(unknown, worker)),
    };
  }

  /** Resolves when every job that was claimed before it was stored has begun, or is not to. */
  none(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Never rejects. Jobs of a lease that was lost or given up meanwhile are the rescue's if they are executing, and anybody's if they wait. */
  private async resolve(unknown: readonly NewJob[], worker: string): Promise<void> {
    const { slots, claim, isHeldBy } = this.parts;
    if (!isHeldBy(worker)) slots.release(unknown.length);
    else {
      const ids = unknown.map((job) => job.id);
      // Rejects only when the worker stops: then the rescue finds what is executing under its id.
      await claim(ids, worker).catch(() => undefined);
    }
    this.ended(unknown.length);
  }

  /** Jobs of a lease that was lost or given up meanwhile are the rescue's. */
  private begin(stored: readonly NewJob[], startedAt: Date, worker: string): void {
    if (this.parts.isHeldBy(worker))
      for (const job of stored) this.parts.start(claimedAtBirth(job, startedAt), worker);
    else this.parts.slots.release(stored.length);
    this.ended(stored.length);
  }

  /** One statement stores them: of this queue, of one day, and due. */
  private areOurs(jobs: readonly NewJob[]): boolean {
    const day = dayOf(jobs[0]?.id ?? '');
    return jobs.every(
      (job) =>
        job.queue === this.parts.queue && !job.dueAt && this.parts.runs(job.name) && dayOf(job.id) === day,
    );
  }

  private ended(count: number): void {
    this.pending -= count;
    if (this.pending > 0) return;
    const { waiters } = this;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** The job as a claim right after its insert would have returned it. */
function claimedAtBirth(job: NewJob, startedAt: Date): ClaimedJob {
  return {
    id: job.id,
    queue: job.queue,
    name: job.name,
    payload: JSON.parse(job.payload) as Json,
    run: 1,
    attempt: 1,
    maxAttempts: job.maxAttempts,
    timeoutMs: job.timeoutMs ?? null,
    objectId: job.objectId ?? null,
    batchId: job.batchId ?? null,
    dueAt: null,
    trace: job.trace ?? null,
    startedAt,
  };
}
