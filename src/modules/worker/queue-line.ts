import { Logger } from '@nestjs/common';
import type { QueueSettings } from '../../config/index.js';
import { Waits } from '../../kernel/waits.js';
import { reasonOf } from '../database/index.js';
import {
  fromStoredTimeoutMs,
  type BirthClaim,
  type JobRegistry,
  type JobType,
  type NewJob,
  type StoredQueueSettings,
} from '../job/index.js';
import { freshLanes, type Lane, type Transport } from '../transport/index.js';
import { Births } from './births.js';
import type { Claimer } from './claimer.js';
import type { HeldRuns } from './held-runs.js';
import { Intake } from './intake.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { Look } from './look.js';
import type { Runner } from './runner.js';
import type { Settlement } from './settlement.js';
import { AFTER_ERROR_MS, SlotClaims, type LineState, type SlotKind } from './slot-claims.js';
import { Slots } from './slots.js';
import type { QueueSlotReport } from './worker.repository.js';

/** Without a transport the table is all there is, and is looked at this often; so it is until what dropped tickets left is found. */
const TABLE_LOOK_MS = 1_000;

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

/** The slots of one kind, and what fills them. */
interface SlotsOfKind {
  readonly slots: Slots;
  readonly claims: SlotClaims;
  readonly intake: Intake;
}

/** One queue in this worker: takes its tickets for free slots, claims, starts runs; and looks at the table for what no ticket covers. */
export class QueueLine implements LineState {
  private readonly logger = new Logger('Worker');
  private readonly end = new AbortController();
  private readonly waits = new Waits();
  private readonly kinds: Readonly<Record<SlotKind, SlotsOfKind>>;
  private readonly births: Births;
  private readonly loops: Promise<void>[] = [];
  /** Kinds for which the look found more jobs than there were slots. */
  private readonly lacked = new Set<SlotKind>();
  /** As this process was configured, but for what was set by hand. */
  private current: QueueSettings;
  private isPausedNow = false;

  constructor(private readonly parts: LineParts) {
    this.current = parts.settings;
    const { concurrency, retryConcurrency } = parts.settings;
    this.kinds = {
      fresh: this.slotsOf('fresh', concurrency),
      retry: this.slotsOf('retry', retryConcurrency),
    };
    const { slots, claims } = this.kinds.fresh;
    this.births = new Births({
      queue: parts.queue,
      names: new Set(parts.types.map(({ name }) => name)),
      slots,
      held: parts.held,
      lease: parts.lease,
      mostAtOnce: () => (this.isIdle ? this.settings.maxBatchSize : 0),
      start: (job, workerId) => claims.start(job, workerId),
      giveBack: (job, workerId, told) => claims.giveBack(job, workerId, told),
    });
  }

  start(): void {
    const { fresh, retry } = this.kinds;
    this.loops.push(fresh.intake.run(), retry.intake.run(), this.looking());
  }

  /** Takes nothing more; resolves when no claim is under way. */
  async stop(): Promise<void> {
    this.end.abort();
    this.waits.stop();
    this.nudge();
    await Promise.all([...this.loops, this.births.stop()]);
    for (const { intake } of Object.values(this.kinds)) intake.giveBack();
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
    const configured = this.parts.settings;
    const settings: QueueSettings = {
      ...configured,
      concurrency: concurrency ?? configured.concurrency,
      retryConcurrency: retryConcurrency ?? configured.retryConcurrency,
      timeoutMs: timeoutMs === undefined ? configured.timeoutMs : fromStoredTimeoutMs(timeoutMs),
    };
    const change = changeOf(this.current, settings);
    if (change === '') return;
    this.current = settings;
    this.kinds.fresh.slots.resize(settings.concurrency);
    this.kinds.retry.slots.resize(settings.retryConcurrency);
    this.logger.log(`queue ${this.parts.queue} is set: ${change}`);
  }

  /** Tickets may have been dropped: looks at once. */
  noticeGap(): void {
    this.parts.look.noticeGap();
    this.waits.end();
  }

  /** Looks again at whatever kept it from taking more. */
  nudge(): void {
    for (const { slots } of Object.values(this.kinds)) slots.wake();
    this.waits.end();
  }

  get settings(): QueueSettings {
    return this.current;
  }

  get isPaused(): boolean {
    return this.isPausedNow;
  }

  get stopping(): AbortSignal {
    return this.end.signal;
  }

  get report(): QueueSlotReport {
    const fresh = this.kinds.fresh.slots;
    const retry = this.kinds.retry.slots;
    const stuck = [...this.parts.held.stuck].filter((run) => run.job.queue === this.parts.queue).length;
    return {
      concurrency: fresh.capacity,
      retryConcurrency: retry.capacity,
      busy: fresh.busy,
      retryBusy: retry.busy,
      stuck,
    };
  }

  private slotsOf(kind: SlotKind, concurrency: number): SlotsOfKind {
    const { queue, registry, transport, claimer, runner, settlement, held, lease } = this.parts;
    const slots = new Slots(concurrency);
    const claims = new SlotClaims({
      kind,
      slots,
      line: this,
      registry,
      claimer,
      runner,
      settlement,
      held,
      lease,
    });
    const intake = new Intake({
      queue,
      kind,
      line: this,
      transport,
      claimer,
      claims,
      waits: this.waits,
    });
    return { slots, claims, intake };
  }

  /** Takes jobs and has none: its intake waits for tickets, and none is missing. */
  private get isIdle(): boolean {
    const { transport, look, queue } = this.parts;
    return this.kinds.fresh.claims.mayTake && !look.hasGap && transport.isAwaited(queue, freshLanes);
  }

  private async looking(): Promise<void> {
    while (!this.stopping.aborted) {
      let isComplete = true;
      try {
        if (!this.isPausedNow && this.parts.lease.isHeld) {
          isComplete = await this.parts.look.once((lane, ids) => this.claimLooked(lane, ids));
        }
      } catch (error) {
        this.parts.look.noticeGap();
        if (!this.stopping.aborted)
          this.logger.warn(
            `queue ${this.parts.queue}: the look at the table failed: ${reasonOf(error)}; trying again`,
          );
        await this.waits.atMost(AFTER_ERROR_MS);
      }
      await this.waits.atMost(this.lookEveryMs, isComplete ? [] : this.slotsLacked());
    }
  }

  private get lookEveryMs(): number {
    const { pollIntervalMs } = this.settings;
    const isSoon = !this.parts.transport.isAvailable || this.parts.look.hasGap;
    return isSoon ? Math.min(pollIntervalMs, TABLE_LOOK_MS) : pollIntervalMs;
  }

  /** Claims looked-up ids while there are slots, durably; answers how many were tried. */
  private async claimLooked(lane: Lane, ids: readonly string[]): Promise<number> {
    const kind: SlotKind = lane === 'retry' ? 'retry' : 'fresh';
    const { tried } = await this.kinds[kind].claims.claimWhileFree(ids, true);
    if (tried < ids.length) this.lacked.add(kind);
    return tried;
  }

  /** When a look that did not come to the end may go on: with a slot of a kind it had too few of, or at once when it only had more to read. */
  private slotsLacked(): Promise<void>[] {
    const lacked = [...this.lacked].map((kind) => this.kinds[kind].claims);
    this.lacked.clear();
    const isAtOnce = lacked.length === 0 || lacked.some((claims) => claims.mayTake);
    return isAtOnce ? [Promise.resolve()] : lacked.map((claims) => claims.change());
  }
}

/** What differs, in words; empty when nothing does. */
function changeOf(before: QueueSettings, now: QueueSettings): string {
  return (['concurrency', 'retryConcurrency', 'timeoutMs'] as const)
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name} ${now[name] ?? 'none'} instead of ${before[name] ?? 'none'}`)
    .join(', ');
}
