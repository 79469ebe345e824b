import { Logger } from '@nestjs/common';
import type { QueueSettings } from '../../config/index.js';
import { reasonOf } from '../database/index.js';
import type {
  BirthClaim,
  ClaimedJob,
  JobRegistry,
  JobType,
  NewJob,
  StoredQueueSettings,
} from '../job/index.js';
import { freshLanes, type Lane, type Transport } from '../transport/index.js';
import { Births } from './births.js';
import type { Claimer } from './claimer.js';
import type { HeldRuns } from './held-runs.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Look } from './look.js';
import { Run, type RunHooks } from './run.js';
import type { Runner } from './runner.js';
import type { Settlement } from './settlement.js';
import { Slots } from './slots.js';
import { TicketRests, type Parcel } from './ticket-rests.js';
import type { QueueSlotReport } from './worker.repository.js';

/** Fresh jobs and retries have slots of their own, so that retries never starve fresh work. */
type Kind = 'fresh' | 'retry';

const lanesOf: Record<Kind, readonly Lane[]> = { fresh: freshLanes, retry: ['retry'] };

/** A ticket that came this often has been in the hands of processes that died: its claim is durable, so that a crash loop is charged. */
const TRUSTED_DELIVERIES = 3;

/** First delay of a ticket with a job this worker has no handler for, doubled with each delivery up to `pollInterval`. */
const FOREIGN_DELAY_MS = 1_000;

/** Without a transport the table is all there is, and is looked at this often; so it is until what dropped tickets left is found. */
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
  /** As this process was configured, but for what was set by hand. */
  private settings: QueueSettings;
  private readonly slots: Record<Kind, Slots>;
  private readonly hooks: Record<Kind, RunHooks>;
  private readonly rests: Record<Kind, TicketRests> = { fresh: new TicketRests(), retry: new TicketRests() };
  private readonly births: Births;
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private isPausedNow = false;
  private readonly pauses = new Set<() => void>();
  /** Kinds for which the look found more jobs than there were slots. */
  private readonly lacked = new Set<Kind>();

  constructor(private readonly parts: LineParts) {
    this.settings = parts.settings;
    const { concurrency, retryConcurrency } = parts.settings;
    this.slots = { fresh: new Slots(concurrency), retry: new Slots(retryConcurrency) };
    this.hooks = { fresh: hooksOf(this.slots.fresh), retry: hooksOf(this.slots.retry) };
    this.births = new Births({
      queue: parts.queue,
      names: new Set(parts.types.map(({ name }) => name)),
      slots: this.slots.fresh,
      lease: parts.lease,
      mostAtOnce: () => (this.isIdle ? this.settings.maxBatchSize : 0),
      start: (job, workerId) => this.startRun('fresh', job, workerId),
      giveBack: (job, workerId, told) => parts.runner.giveBack(this.runOf('fresh', job, workerId), told),
    });
  }

  start(): void {
    this.loops.push(this.intake('fresh'), this.intake('retry'), this.looking());
  }

  /** Takes nothing more; resolves when no claim is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.nudge();
    await Promise.all([...this.loops, this.births.stop()]);
    this.rests.fresh.giveBack();
    this.rests.retry.giveBack();
  }

  /** Takes slots for all of these jobs before they are stored; undefined when not all can begin at once, or older ones may wait. */
  claimUnborn(jobs: readonly NewJob[]): BirthClaim | undefined {
    return this.births.claim(jobs);
  }

  /** A paused queue starts nothing; what runs goes on. */
  setPaused(isPaused: boolean): void {
    if (this.isPausedNow === isPaused) return;
    this.isPausedNow = isPaused;
    this.logger.log(`queue ${this.parts.queue} is ${isPaused ? 'paused' : 'resumed'}`);
    this.nudge();
  }

  /** Goes by what was set by hand from the next claim on; what is not set is as this process was configured. */
  set({ concurrency, retryConcurrency, timeoutMs }: StoredQueueSettings): void {
    const own = this.parts.settings;
    const settings: QueueSettings = {
      ...own,
      concurrency: concurrency ?? own.concurrency,
      retryConcurrency: retryConcurrency ?? own.retryConcurrency,
      timeoutMs: timeoutMs === undefined ? own.timeoutMs : noneForZero(timeoutMs),
    };
    const change = changeOf(this.settings, settings);
    if (change === '') return;
    this.settings = settings;
    this.slots.fresh.resize(settings.concurrency);
    this.slots.retry.resize(settings.retryConcurrency);
    this.logger.log(`queue ${this.parts.queue} is set: ${change}`);
  }

  /** Tickets may have been dropped: looks at once. */
  noticeGap(): void {
    this.parts.look.noticeGap();
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

  /** Takes jobs and has none: its intake waits for tickets, and none is missing. */
  private get isIdle(): boolean {
    const { transport, look, queue } = this.parts;
    return (
      !this.isStopping &&
      this.mayTake(this.slots.fresh) &&
      !look.hasGap &&
      transport.isAwaited(queue, freshLanes)
    );
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
    const rest = this.rests[kind].take();
    if (rest.length > 0) {
      await this.claimParcels(kind, rest, () => Promise.resolve(rest));
      return;
    }
    const wanted = Math.min(slots.free, this.settings.maxBatchSize);
    const tickets = await this.parts.transport.take(
      this.parts.queue,
      lanesOf[kind],
      wanted,
      this.stopping.signal,
    );
    const parcels = tickets.map((ticket) => ({ ticket, ids: ticket.ids }));
    if (parcels.length > 0) await this.claimParcels(kind, parcels, () => this.withoutTried(parcels));
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

  /** Claims what there are slots for; tickets whose jobs were all tried are done, the others wait a moment for slots. */
  private async claimParcels(
    kind: Kind,
    taken: readonly Parcel[],
    toTry: () => Promise<readonly Parcel[]>,
  ): Promise<void> {
    const isDurable = kind === 'retry' || taken.some(({ ticket }) => ticket.deliveries > TRUSTED_DELIVERIES);
    try {
      const parcels = await toTry();
      const ids = parcels.flatMap((parcel) => parcel.ids);
      const { tried, foreign } = await this.claimWhileFree(kind, ids, isDurable);
      this.rests[kind].keep(this.settleTickets(parcels, new Set(ids.slice(tried)), foreign));
    } catch (error) {
      for (const { ticket } of taken) ticket.giveBack();
      throw error;
    }
  }

  /** A ticket that was given back names jobs that were claimed before: they must not stand before those that still wait. */
  private async withoutTried(parcels: readonly Parcel[]): Promise<readonly Parcel[]> {
    const ids = parcels.flatMap((parcel) => (parcel.ticket.deliveries > 1 ? parcel.ids : []));
    if (ids.length <= 1) return parcels;
    const waiting = new Set(await this.parts.claimer.waitingAmong(ids));
    return parcels.map((parcel) =>
      parcel.ticket.deliveries > 1 ? { ...parcel, ids: parcel.ids.filter((id) => waiting.has(id)) } : parcel,
    );
  }

  /** Acks tickets whose jobs were all tried and gives back those with a job of others; answers what is left of the rest. */
  private settleTickets(
    parcels: readonly Parcel[],
    untried: ReadonlySet<string>,
    foreign: ReadonlySet<string>,
  ): Parcel[] {
    return parcels.flatMap(({ ticket, ids }) => {
      const left = ids.filter((id) => untried.has(id));
      if (ids.some((id) => foreign.has(id))) ticket.giveBack(this.foreignDelay(ticket));
      else if (left.length === 0) ticket.ack();
      else return [{ ticket, ids: left }];
      return [];
    });
  }

  /** Claims from the front while there are slots; answers how many ids were tried, and which of them only others can run. */
  private async claimWhileFree(
    kind: Kind,
    ids: readonly string[],
    isDurable: boolean,
  ): Promise<{ readonly tried: number; readonly foreign: ReadonlySet<string> }> {
    const slots = this.slots[kind];
    const foreign = new Set<string>();
    let tried = 0;
    while (tried < ids.length && !this.isStopping && this.mayTake(slots)) {
      const taken = slots.take(Math.min(ids.length - tried, this.settings.maxBatchSize));
      for (const id of await this.claim(kind, ids.slice(tried, tried + taken), isDurable)) foreign.add(id);
      tried += taken;
    }
    return { tried, foreign };
  }

  /** Claims ids for slots already taken, starts what was claimed and gives the other slots back; answers the ids only others can run. */
  private async claim(kind: Kind, ids: readonly string[], isDurable: boolean): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return NONE;
    const { claimer, lease } = this.parts;
    const { workerId } = lease;
    let started = 0;
    try {
      const jobs = await claimer.claim({ ids, workerId, areRetries: kind === 'retry' }, isDurable);
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
    const run = this.runOf(kind, job, workerId);
    this.parts.runner.start(run, this.timeoutOf(job, run.type));
    if (!this.parts.lease.isHeld || this.parts.lease.workerId !== workerId)
      run.abort('lost', 'the lease was lost during the claim');
  }

  private runOf(kind: Kind, job: ClaimedJob, workerId: string): Run {
    const type = this.parts.registry.get(job.name);
    const handler = this.parts.registry.handlerOf(job.name);
    // The claim names the types this worker has handlers for.
    if (!handler) throw new Error(`claimed a job of ${job.name}, which has no handler here`);
    return new Run(job, type, handler, workerId, this.hooks[kind]);
  }

  /** The job's timeout before the type's before the queue's; null for none. */
  private timeoutOf(job: ClaimedJob, type: JobType): number | null {
    if (job.timeoutMs !== null) return noneForZero(job.timeoutMs);
    return type.timeoutMs === undefined ? this.settings.timeoutMs : type.timeoutMs;
  }

  private foreignDelay(ticket: Parcel['ticket']): number {
    return Math.min(FOREIGN_DELAY_MS * 2 ** (ticket.deliveries - 1), this.settings.pollIntervalMs);
  }

  private async looking(): Promise<void> {
    while (!this.isStopping) {
      let isComplete = true;
      try {
        if (!this.isPausedNow && this.parts.lease.isHeld) {
          isComplete = await this.parts.look.once((lane, ids) => this.claimLooked(lane, ids));
        }
      } catch (error) {
        this.parts.look.noticeGap();
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
    const { pollIntervalMs } = this.settings;
    const isSoon = !this.parts.transport.isAvailable || this.parts.look.hasGap;
    return isSoon ? Math.min(pollIntervalMs, TABLE_LOOK_MS) : pollIntervalMs;
  }

  /** Claims looked-up ids while there are slots, durably; answers how many were tried. */
  private async claimLooked(lane: Lane, ids: readonly string[]): Promise<number> {
    const kind: Kind = lane === 'retry' ? 'retry' : 'fresh';
    const { tried } = await this.claimWhileFree(kind, ids, true);
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

/** A timeout as it is stored, in which 0 is none. */
function noneForZero(timeoutMs: number): number | null {
  return timeoutMs === 0 ? null : timeoutMs;
}

/** What differs, in words; empty when nothing does. */
function changeOf(before: QueueSettings, now: QueueSettings): string {
  return (['concurrency', 'retryConcurrency', 'timeoutMs'] as const)
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name} ${now[name] ?? 'none'} instead of ${before[name] ?? 'none'}`)
    .join(', ');
}

function hooksOf(slots: Slots): RunHooks {
  return { release: () => slots.release() };
}
