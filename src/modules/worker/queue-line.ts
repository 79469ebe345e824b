import { Logger } from '@nestjs/common';
import type { QueueSettings } from '../../config/index.js';
import { reasonOf } from '../database/index.js';
import type { ClaimedJob, JobRegistry, JobType } from '../job/index.js';
import { freshLanes, type Lane, type Ticket, type Transport } from '../transport/index.js';
import type { Claimer } from './claimer.js';
import type { HeldRuns } from './held-runs.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Look } from './look.js';
import { Run, type RunHooks } from './run.js';
import type { Runner } from './runner.js';
import type { Settlement } from './settlement.js';
import { Slots } from './slots.js';
import type { QueueSlotReport } from './worker.repository.js';

/** Fresh jobs and retries have slots of their own, so that retries never starve fresh work. */
type Kind = 'fresh' | 'retry';

const lanesOf: Record<Kind, readonly Lane[]> = { fresh: freshLanes, retry: ['retry'] };

/** A ticket that came this often has been in the hands of processes that died: its claim is durable, so that a crash loop is charged. */
const TRUSTED_DELIVERIES = 3;

/** First delay of a ticket with a job this worker has no handler for, doubled with each delivery up to `pollInterval`. */
const FOREIGN_DELAY_MS = 1_000;

/** Without a transport the table is all there is, and is looked at this often. */
const TABLE_LOOK_MS = 1_000;

/** After an error of the database, before the next try. */
const RETRY_MS = 1_000;

const NONE: ReadonlySet<string> = new Set();

export interface LineParts {
  readonly queue: string;
  readonly types: readonly JobType[];
  readonly settings: QueueSettings;
  readonly registry: JobRegistry;
  readonly transport: Transport;
  readonly claimer: Claimer;
  readonly runner: Runner;
  readonly settlement: Settlement;
  readonly held: HeldRuns;
  readonly lease: LeaseKeeper;
  readonly look: Look;
}

/** One queue in this worker: takes its tickets for free slots, claims, starts runs; and looks at the table for what no ticket covers. */
export class QueueLine {
  private readonly logger = new Logger('Worker');
  private readonly slots: Record<Kind, Slots>;
  private readonly hooks: Record<Kind, RunHooks>;
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private isPausedNow = false;
  /** True from boot, and after tickets were dropped, until a look has come to the end. */
  private isGap = true;
  private readonly pauses = new Set<() => void>();
  /** Kinds for which the look found more jobs than there were slots. */
  private readonly lacked = new Set<Kind>();

  constructor(private readonly parts: LineParts) {
    const { concurrency, retryConcurrency } = parts.settings;
    this.slots = { fresh: new Slots(concurrency), retry: new Slots(retryConcurrency) };
    this.hooks = { fresh: hooksOf(this.slots.fresh), retry: hooksOf(this.slots.retry) };
  }

  start(): void {
    this.loops.push(this.intake('fresh'), this.intake('retry'), this.looking());
  }

  /** Takes nothing more; resolves when no claim is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.nudge();
    await Promise.all(this.loops);
  }

  /** A paused queue starts nothing; what runs goes on. */
  setPaused(isPaused: boolean): void {
    if (this.isPausedNow === isPaused) return;
    this.isPausedNow = isPaused;
    this.logger.log(`queue ${this.parts.queue} is ${isPaused ? 'paused' : 'resumed'}`);
    this.nudge();
  }

  /** Tickets may have been dropped: looks at once. */
  noticeGap(): void {
    this.isGap = true;
    this.endPauses();
  }

  /** Looks again at whatever kept it from taking more. */
  nudge(): void {
    this.slots.fresh.wake();
    this.slots.retry.wake();
    this.endPauses();
  }

  get report(): QueueSlotReport {
    const { fresh, retry } = this.slots;
    const stuck = [...this.parts.held.stuck].filter((run) => run.job.queue === this.parts.queue).length;
    return {
      concurrency: fresh.capacity,
      retryConcurrency: retry.capacity,
      busy: fresh.busy,
      retryBusy: retry.busy,
      stuck,
    };
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private endPauses(): void {
    for (const end of [...this.pauses]) end();
  }

  private async intake(kind: Kind): Promise<void> {
    while (!this.isStopping) {
      try {
        await this.takeOnce(kind);
      } catch (error) {
        if (!this.isStopping) this.logger.warn(`queue ${this.parts.queue}: ${reasonOf(error)}; trying again`);
        await this.pause(RETRY_MS);
      }
    }
  }

  private async takeOnce(kind: Kind): Promise<void> {
    const slots = this.slots[kind];
    if (!this.mayTake(slots)) {
      await this.change(slots);
      return;
    }
    const wanted = Math.min(slots.free, this.parts.settings.maxBatchSize);
    const tickets = await this.parts.transport.take(
      this.parts.queue,
      lanesOf[kind],
      wanted,
      this.stopping.signal,
    );
    if (tickets.length > 0) await this.claimTickets(kind, tickets);
  }

  /** Nothing is taken while too many outcomes wait to be recorded: the database is behind, and more runs would only wait with them. */
  private mayTake(slots: Slots): boolean {
    return !this.isPausedNow && this.parts.lease.isHeld && slots.free > 0 && !this.parts.settlement.isBehind;
  }

  /** Resolves when what `mayTake` answers for these slots may have changed. */
  private async change(slots: Slots): Promise<void> {
    const { settlement } = this.parts;
    await (settlement.isBehind ? Promise.race([slots.change(), settlement.caughtUp()]) : slots.change());
  }

  /** Claims what there are slots for; tickets whose jobs were all tried are done, the others are given back. */
  private async claimTickets(kind: Kind, tickets: readonly Ticket[]): Promise<void> {
    const slots = this.slots[kind];
    const ids = tickets.flatMap((ticket) => ticket.ids);
    const taken =
      this.isPausedNow || this.isStopping
        ? 0
        : slots.take(Math.min(ids.length, this.parts.settings.maxBatchSize));
    const tried = ids.slice(0, taken);
    const isDurable = kind === 'retry' || tickets.some((ticket) => ticket.deliveries > TRUSTED_DELIVERIES);
    let foreign: ReadonlySet<string>;
    try {
      foreign = await this.claim(kind, tried, isDurable);
    } catch (error) {
      for (const ticket of tickets) ticket.giveBack();
      throw error;
    }
    const isTried = new Set(tried);
    for (const ticket of tickets) {
      if (ticket.ids.some((id) => foreign.has(id))) ticket.giveBack(this.foreignDelay(ticket));
      else if (ticket.ids.every((id) => isTried.has(id))) ticket.ack();
      else ticket.giveBack();
    }
  }

  /** Claims ids for slots already taken, starts what was claimed and gives the other slots back; answers the ids only others can run. */
  private async claim(kind: Kind, ids: readonly string[], isDurable: boolean): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return NONE;
    const { claimer, lease } = this.parts;
    const { workerId } = lease;
    let started = 0;
    try {
      const jobs = await claimer.claim(ids, workerId, isDurable);
      for (const job of jobs) this.startRun(kind, job, workerId);
      started = jobs.length;
      if (started === ids.length) return NONE;
      const claimed = new Set(jobs.map((job) => job.id));
      return new Set(await claimer.foreignAmong(ids.filter((id) => !claimed.has(id))));
    } finally {
      this.slots[kind].release(ids.length - started);
    }
  }

  private startRun(kind: Kind, job: ClaimedJob, workerId: string): void {
    const type = this.parts.registry.get(job.name);
    const handler = this.parts.registry.handlerOf(job.name);
    // The claim names the types this worker has handlers for.
    if (!handler) throw new Error(`claimed a job of ${job.name}, which has no handler here`);
    const run = new Run(job, type, handler, workerId, this.hooks[kind]);
    this.parts.runner.start(run, this.timeoutOf(job, type));
    if (!this.parts.lease.isHeld || this.parts.lease.workerId !== workerId)
      run.abort('lost', 'the lease was lost during the claim');
  }

  /** The job's timeout before the type's before the queue's; null for none. */
  private timeoutOf(job: ClaimedJob, type: JobType): number | null {
    if (job.timeoutMs !== null) return job.timeoutMs === 0 ? null : job.timeoutMs;
    return type.timeoutMs === undefined ? this.parts.settings.timeoutMs : type.timeoutMs;
  }

  private foreignDelay(ticket: Ticket): number {
    return Math.min(FOREIGN_DELAY_MS * 2 ** (ticket.deliveries - 1), this.parts.settings.pollIntervalMs);
  }

  private async looking(): Promise<void> {
    while (!this.isStopping) {
      let isComplete = true;
      try {
        if (!this.isPausedNow && this.parts.lease.isHeld) {
          const wasGap = this.isGap;
          this.isGap = false;
          isComplete = await this.parts.look.once((lane, ids) => this.claimLooked(lane, ids), wasGap);
          if (wasGap && !isComplete) this.isGap = true;
        }
      } catch (error) {
        this.isGap = true;
        if (!this.isStopping)
          this.logger.warn(
            `queue ${this.parts.queue}: the look at the table failed: ${reasonOf(error)}; trying again`,
          );
        await this.pause(RETRY_MS);
      }
      await this.pause(this.lookEveryMs, isComplete ? [] : this.slotsLacked());
    }
  }

  private get lookEveryMs(): number {
    const { pollIntervalMs } = this.parts.settings;
    return this.parts.transport.isAvailable ? pollIntervalMs : Math.min(pollIntervalMs, TABLE_LOOK_MS);
  }

  /** Claims looked-up ids while there are slots, durably; answers how many were tried. */
  private async claimLooked(lane: Lane, ids: readonly string[]): Promise<number> {
    const kind: Kind = lane === 'retry' ? 'retry' : 'fresh';
    let tried = 0;
    while (tried < ids.length && !this.isStopping && !this.isPausedNow && this.mayTake(this.slots[kind])) {
      const taken = this.slots[kind].take(Math.min(ids.length - tried, this.parts.settings.maxBatchSize));
      await this.claim(kind, ids.slice(tried, tried + taken), true);
      tried += taken;
    }
    if (tried < ids.length) this.lacked.add(kind);
    return tried;
  }

  /** When a look that did not come to the end may go on: with a slot of a kind it had too few of, or at once when it only had more to read. */
  private slotsLacked(): Promise<void>[] {
    const lacked = [...this.lacked].map((kind) => this.slots[kind]);
    this.lacked.clear();
    const isAtOnce = lacked.length === 0 || lacked.some((slots) => this.mayTake(slots));
    return isAtOnce ? [Promise.resolve()] : lacked.map((slots) => this.change(slots));
  }

  /** Waits, but not through a stop, a gap, a resume or any of these events. */
  private pause(ms: number, events: readonly Promise<void>[] = []): Promise<void> {
    if (this.isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.pauses.add(end);
      for (const event of events) void event.then(end);
    });
  }
}

function hooksOf(slots: Slots): RunHooks {
  return { release: () => slots.release() };
}
