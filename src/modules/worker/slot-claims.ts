import type { QueueSettings } from '../../config/index.js';
import { fromStoredTimeoutMs, type ClaimedJob, type JobRegistry, type JobType } from '../job/index.js';
import type { Claimer } from './claimer.js';
import type { HeldRuns } from './held-runs.js';
import type { LeaseKeeper } from './lease-keeper.js';
import { Run, type RunHooks } from './run.js';
import type { Runner } from './runner.js';
import type { Settlement } from './settlement.js';
import type { Slots } from './slots.js';

/** After an error of the database, before whatever of a line failed tries again, in ms. */
export const AFTER_ERROR_MS = 1_000;

/** Fresh jobs and retries have slots of their own, so that retries never starve fresh work. */
export type SlotKind = 'fresh' | 'retry';

/** What a claim goes by of its line, read anew each time. */
export interface LineState {
  readonly settings: QueueSettings;
  readonly isPaused: boolean;
  /** Aborts with its stop. */
  readonly stopping: AbortSignal;
}

/** What a line's claims are made with. */
export interface ClaimParts {
  readonly kind: SlotKind;
  readonly slots: Slots;
  readonly line: LineState;
  readonly registry: JobRegistry;
  readonly claimer: Claimer;
  readonly runner: Runner;
  readonly settlement: Settlement;
  readonly held: HeldRuns;
  readonly lease: LeaseKeeper;
}

const NONE: ReadonlySet<string> = new Set();

/** Claims jobs of one queue for one kind of its slots, and starts their runs. */
export class SlotClaims {
  private readonly hooks: RunHooks;

  constructor(private readonly parts: ClaimParts) {
    const { slots } = parts;
    this.hooks = { release: () => slots.release() };
  }

  /**
   * True while the line goes on, is not paused, and has its lease and a free slot. Not while too many outcomes wait to be recorded: the
   * database is behind, and more runs would only wait with them.
   */
  get mayTake(): boolean {
    const { line, lease, slots, settlement } = this.parts;
    return !line.stopping.aborted && !line.isPaused && lease.isHeld && slots.free > 0 && !settlement.isBehind;
  }

  /** Resolves when what `mayTake` answers may have changed. */
  async change(): Promise<void> {
    const { slots, settlement } = this.parts;
    await (settlement.isBehind ? Promise.race([slots.change(), settlement.caughtUp()]) : slots.change());
  }

  /** Most jobs that may be asked for now. */
  get wanted(): number {
    return Math.min(this.parts.slots.free, this.parts.line.settings.maxBatchSize);
  }

  /** Claims from the front while there are slots; answers how many ids were tried, and which of them only others can run. */
  async claimWhileFree(
    ids: readonly string[],
    isDurable: boolean,
  ): Promise<{ readonly tried: number; readonly foreign: ReadonlySet<string> }> {
    const { lease } = this.parts;
    const foreign = new Set<string>();
    let tried = 0;
    while (tried < ids.length && this.mayTake) {
      const { workerId } = lease;
      const taken = this.parts.slots.take(Math.min(ids.length - tried, this.wanted));
      for (const id of await this.claim(ids.slice(tried, tried + taken), isDurable)) foreign.add(id);
      // By an id that is gone nothing is claimed any more: these are to be tried again.
      if (!lease.isHeldAs(workerId)) break;
      tried += taken;
    }
    return { tried, foreign };
  }

  /** Starts a run for which a slot is taken; or gives it back, and then the slot, when that worker's lease is gone. */
  start(job: ClaimedJob, workerId: string): void {
    const { runner, lease, slots } = this.parts;
    if (!lease.isHeldAs(workerId)) return this.giveBack(job, workerId, () => slots.release());
    const run = this.runOf(job, workerId);
    runner.start(run, this.timeoutOf(job, run.type));
  }

  /** Lets the job wait again if it is executing under this worker, uncharged; `told` when that is recorded, or is not to be. */
  giveBack(job: ClaimedJob, workerId: string, told: () => void): void {
    this.parts.runner.giveBack(this.runOf(job, workerId), told);
  }

  /** Claims ids for slots already taken, starts what was claimed and gives the other slots back; answers the ids only others can run. */
  private async claim(ids: readonly string[], isDurable: boolean): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return NONE;
    const { kind, claimer, held, lease, slots } = this.parts;
    const { workerId } = lease;
    const over = held.expect(workerId);
    let started = 0;
    try {
      const jobs = await claimer.claim({ ids, workerId, areRetries: kind === 'retry' }, isDurable);
      for (const job of jobs) this.start(job, workerId);
      started = jobs.length;
      if (started === ids.length) return NONE;
      const claimed = new Set(jobs.map((job) => job.id));
      return new Set(await claimer.foreignAmong(ids.filter((id) => !claimed.has(id))));
    } finally {
      over();
      slots.release(ids.length - started);
    }
  }

  private runOf(job: ClaimedJob, workerId: string): Run {
    const { registry } = this.parts;
    const handler = registry.handlerOf(job.name);
    // The claim names the types this worker has handlers for.
    if (!handler) throw new Error(`claimed a job of ${job.name}, which has no handler here`);
    return new Run(job, registry.get(job.name), handler, workerId, this.hooks);
  }

  /** The job's timeout before the type's before the queue's; null for none. */
  private timeoutOf(job: ClaimedJob, type: JobType): number | null {
    if (job.timeoutMs !== null) return fromStoredTimeoutMs(job.timeoutMs);
    return type.timeoutMs === undefined ? this.parts.line.settings.timeoutMs : type.timeoutMs;
  }
}
