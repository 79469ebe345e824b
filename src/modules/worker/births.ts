import { setTimeout as delay } from 'node:timers/promises';
import { idTime } from '../../kernel/ids.js';
import type { Json } from '../../kernel/json.js';
import { groupByDay, type BirthClaim, type ClaimedJob, type NewJob } from '../job/index.js';
import type { HeldRuns } from './held-runs.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Slots } from './slots.js';

/** How long a stop waits for jobs that are being stored, in ms: milliseconds do, unless the database is away. */
const STOP_WITHIN_MS = 2_000;

/** What a line lets its births do. */
export interface BirthParts {
  readonly queue: string;
  /** Of the types that run here. */
  readonly names: ReadonlySet<string>;
  readonly slots: Slots;
  readonly held: Pick<HeldRuns, 'expect'>;
  readonly lease: Pick<LeaseKeeper, 'workerId' | 'isHeldAs'>;
  /** Most jobs that may be claimed at once; none while the line takes nothing, or older jobs may wait. */
  readonly mostAtOnce: () => number;
  /** Starts a run in its slot, or gives it and the slot back when that worker's lease is gone. */
  readonly start: (job: ClaimedJob, workerId: string) => void;
  /** Lets the job wait again if it is executing under this worker, uncharged; `told` when that is recorded, or is not to be. */
  readonly giveBack: (job: ClaimedJob, workerId: string, told: () => void) => void;
}

/** Claims of one line on jobs that are about to be stored. */
export class Births {
  private pending = 0;
  private isOver = false;
  private waiters: (() => void)[] = [];

  constructor(private readonly parts: BirthParts) {}

  /** Takes slots for all of these jobs, or for none. */
  claim(jobs: readonly NewJob[]): BirthClaim | undefined {
    const { slots, held, lease, mostAtOnce } = this.parts;
    const most = Math.min(slots.free, mostAtOnce());
    if (jobs.length > most || !this.areOurs(jobs)) return undefined;
    slots.take(jobs.length);
    this.pending += jobs.length;
    const { workerId } = lease;
    const over = held.expect(workerId);
    let left = jobs.length;
    const told = (count: number): void => {
      left -= count;
      if (left === 0) over();
      this.told(count);
    };
    const release = (count: number): void => {
      slots.release(count);
      told(count);
    };
    return {
      workerId,
      get isHeld() {
        return lease.isHeldAs(workerId);
      },
      // Whoever waits for these jobs to be stored goes on first.
      begin: (stored, startedAt) =>
        void setImmediate(() => {
          const claimed = stored.map((job) => claimedAtBirth(job, startedAt));
          if (this.isOver) return this.giveBack(claimed, workerId, release);
          for (const job of claimed) this.parts.start(job, workerId);
          told(stored.length);
        }),
      release,
      giveUp: (unknown) =>
        this.giveBack(
          unknown.map((job) => claimedAtBirth(job, new Date(idTime(job.id)))),
          workerId,
          release,
        ),
    };
  }

  /** Resolves when every job that was claimed before has begun or is not to; after a while those that are left begin no more. */
  async stop(): Promise<void> {
    const stopped = new AbortController();
    await Promise.race([
      this.none(),
      delay(STOP_WITHIN_MS, undefined, { signal: stopped.signal }).catch(() => undefined),
    ]);
    stopped.abort();
    this.isOver = true;
  }

  private none(): Promise<void> {
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  private giveBack(jobs: readonly ClaimedJob[], workerId: string, release: (count: number) => void): void {
    for (const job of jobs) this.parts.giveBack(job, workerId, () => release(1));
  }

  /** One statement stores them: of this queue, of one day, and due. */
  private areOurs(jobs: readonly NewJob[]): boolean {
    const { queue, names } = this.parts;
    return (
      jobs.every((job) => job.queue === queue && !job.dueAt && names.has(job.name)) &&
      (jobs.length === 1 || groupByDay(jobs, (job) => job.id).size === 1)
    );
  }

  /** So many have begun, or are not to. */
  private told(count: number): void {
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
    // Of one that is stored so late that it has a due time it only says that it could run at once.
    dueAt: null,
    trace: job.trace ?? null,
    startedAt,
  };
}
