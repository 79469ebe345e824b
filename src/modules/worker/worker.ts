import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { hostname } from 'node:os';
import {
  CONFIG,
  ENTRIES,
  hasApi,
  queueSettings,
  type EntryName,
  type RookeryConfig,
} from '../../config/index.js';
import { formatDuration } from '../../kernel/durations.js';
import { Health } from '../../kernel/health.js';
import { IdGenerator } from '../../kernel/ids.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { identifyProcess } from '../../kernel/process-identity.js';
import { Metrics, type Sample } from '../../kernel/metrics.js';
import { Retirement, type Occupation } from '../../kernel/retirement.js';
import { Database } from '../database/index.js';
import {
  JobEndings,
  JobEnqueuer,
  JobRegistry,
  JobService,
  Queues,
  announceCompleted,
  hotQuery,
  type JobType,
} from '../job/index.js';
import { TRANSPORT, type Transport } from '../transport/index.js';
import { Claimer } from './claimer.js';
import { HeldRuns } from './held-runs.js';
import { LeaseKeeper } from './lease-keeper.js';
import { Look } from './look.js';
import { QueueLine } from './queue-line.js';
import { RunMetrics } from './run-metrics.js';
import { RunNotes } from './run-notes.js';
import { Runner } from './runner.js';
import { Settlement } from './settlement.js';
import type { QueueSlotReport, SlotReport, WorkerRow } from './worker.repository.js';

const INTAKE_BUDGET_MS = 10_000;
const LEASE_BUDGET_MS = 5_000;

/** A worker with more outcomes to record than this many a slot takes nothing: one is on its way while the next gathers. */
const UNSETTLED_A_SLOT = 2;

/** After the grace and the handlers' own grace, what is left of the budget is for recording outcomes. */
const SETTLE_BUDGET_MS = 10_000;

/** Runs the jobs of this process: take → claim → run → settle, one line a queue. Serves every queue it has handlers for, or those named by `--queues`. */
@Injectable()
export class Worker implements OnApplicationBootstrap, Occupation {
  private readonly logger = new Logger('Worker');
  private readonly held = new HeldRuns();
  private readonly lines = new Map<string, QueueLine>();
  /** Of all lines, as they are set now: asked for with every claim. */
  private slotCount = 0;
  private lease: LeaseKeeper | undefined;
  private settlement: Settlement | undefined;
  private draining: Promise<void> | undefined;

  constructor(
    private readonly database: Database,
    private readonly registry: JobRegistry,
    private readonly jobs: JobService,
    private readonly endings: JobEndings,
    private readonly enqueuer: JobEnqueuer,
    private readonly queues: Queues,
    private readonly ids: IdGenerator,
    private readonly lifecycle: Lifecycle,
    private readonly health: Health,
    private readonly metrics: Metrics,
    private readonly retirement: Retirement,
    @Inject(TRANSPORT) private readonly transport: Transport,
    @Inject(CONFIG) private readonly config: RookeryConfig,
    @Inject(ENTRIES) private readonly entries: readonly EntryName[],
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.lifecycle.isStopping) return;
    const served = this.registry.servedBy(this.config.queueNames);
    for (const queue of served.keys()) await this.queues.ensure(queue);
    const self = await identifyProcess(process.pid);
    const lease = this.makeLease(served, self?.birth);
    this.lease = lease;
    this.makeLines(served, lease);
    await lease.start();
    for (const line of this.lines.values()) line.start();
    this.enqueuer.setBirthClaimer({
      claimUnborn: (jobs) => this.lines.get(jobs[0]?.queue ?? '')?.claimUnborn(jobs),
    });
    this.retirement.register(this);
    this.logger.log(
      served.size > 0 ? `runs jobs of ${[...served.keys()].join(', ')}` : 'has no handlers: no job runs here',
    );
  }

  /** Renews the lease now instead of with the next heartbeat, and acts on all that it reads; never rejects. */
  async beat(): Promise<void> {
    await this.lease?.beat();
  }

  /** Outcomes refused since the start because their runs were no longer this worker's. */
  get refusals(): number {
    return this.settlement?.refusals ?? 0;
  }

  get isBusy(): boolean {
    return this.held.size > 0;
  }

  get lastTookAt(): number | undefined {
    return this.held.lastAddedAt;
  }

  drain(): Promise<void> {
    this.draining ??= this.drainOnce();
    return this.draining;
  }

  private async drainOnce(): Promise<void> {
    this.logger.log(`takes no more jobs; ${this.held.size} still run`);
    await Promise.all([...this.lines.values()].map((line) => line.stop()));
    await this.held.empty();
    this.logger.log('is drained');
  }

  /** An operator wants this worker to take nothing more. A process that answers for jobs goes on answering; any other ends. */
  private onDrainWanted(): void {
    if (this.draining) return;
    if (hasApi(this.entries)) void this.drain();
    else void this.retirement.retire('an operator has drained the worker');
  }

  private makeLines(served: ReadonlyMap<string, readonly JobType[]>, lease: LeaseKeeper): void {
    const { database, registry, transport, held, jobs, endings, enqueuer, metrics } = this;
    const names = [...served.values()].flat().map((type) => type.name);
    const claimer = new Claimer(database, names, held, lease, metrics);
    const settlement = new Settlement(
      database,
      enqueuer,
      () => UNSETTLED_A_SLOT * this.slotCount,
      (completed) => announceCompleted({ database, transport, enqueuer }, completed),
      metrics,
    );
    this.settlement = settlement;
    const notes = new RunNotes(database, database.clock);
    const graceMs = this.config.worker.timeoutGraceMs;
    const runner = new Runner({
      settlement,
      held,
      notes,
      jobs,
      endings,
      clock: database.clock,
      metrics: new RunMetrics(metrics),
      graceMs,
    });
    const query = hotQuery(database.hot('look', { durable: false }));
    for (const [queue, types] of served) {
      const settings = queueSettings(this.config, queue);
      const { pollIntervalMs } = settings;
      const typeNames = types.map((type) => type.name);
      const look = new Look({
        query,
        transport,
        clock: database.clock,
        queue,
        names: typeNames,
        pollIntervalMs,
      });
      this.lines.set(
        queue,
        new QueueLine({
          queue,
          types,
          settings,
          registry,
          transport,
          claimer,
          runner,
          settlement,
          held,
          lease,
          look,
        }),
      );
    }
    this.slotCount = this.slotReport().total;
    const listeners = this.listen();
    this.health.register('worker', () => this.healthReport());
    this.measureSlots();
    this.registerStop(lease, claimer, settlement, notes, listeners);
  }

  /** Signals hurry what the heartbeat would do anyway. */
  private listen(): (() => void)[] {
    return [
      this.transport.subscribe('cancel', ({ ids }) => {
        for (const id of ids) this.held.find(id)?.abort('canceled', 'the job was canceled');
      }),
      this.transport.subscribe('pause', ({ queue }) => this.lines.get(queue)?.setPaused(true)),
      this.transport.subscribe('resume', ({ queue }) => this.lines.get(queue)?.setPaused(false)),
      this.transport.subscribe('settings', ({ queue }) => {
        // The first beat learns the settings, the second tells of the slots they come to.
        if (this.lines.has(queue)) void this.beat().then(() => this.beat());
      }),
      this.transport.subscribe('drain', ({ workerId }) => {
        if (workerId === this.lease?.workerId) this.onDrainWanted();
      }),
      this.transport.onGap((queue) => {
        for (const [name, line] of this.lines) if (queue === undefined || queue === name) line.noticeGap();
      }),
    ];
  }

  private registerStop(
    lease: LeaseKeeper,
    claimer: Claimer,
    settlement: Settlement,
    notes: RunNotes,
    listeners: readonly (() => void)[],
  ): void {
    const { graceMs } = this.config.shutdown;
    const { timeoutGraceMs } = this.config.worker;
    this.lifecycle.register('intake', 'worker', INTAKE_BUDGET_MS, async () => {
      // Closed meanwhile and not after: a claim that is repeated because the database is away would hold up its line.
      await Promise.all([...[...this.lines.values()].map((line) => line.stop()), claimer.close()]);
    });
    this.lifecycle.register(
      'running',
      'running jobs',
      graceMs + timeoutGraceMs + SETTLE_BUDGET_MS,
      async () => {
        await this.endRuns(graceMs, timeoutGraceMs);
        await notes.close();
        await settlement.close();
      },
    );
    this.lifecycle.register('lease', 'lease', LEASE_BUDGET_MS, async () => {
      for (const end of listeners) end();
      // Asked before the outcomes that wait are let go of.
      const areRunsLeft = this.held.size > 0;
      await settlement.abandon();
      await lease.stop(areRunsLeft);
    });
  }

  /** Waits for the running jobs, aborts those that outlast the grace, and leaves those that ignore that to be settled as interrupted. */
  private async endRuns(graceMs: number, timeoutGraceMs: number): Promise<void> {
    if (this.held.size > 0 && !this.lifecycle.isHurried)
      this.logger.log(
        `still running: ${this.held.size} job(s), which have ${formatDuration(graceMs)} to end`,
      );
    if (await within(this.held.empty(), graceMs)) return;
    this.logger.warn(
      `still running after the grace: ${this.held.size} job(s); they are interrupted and will run again`,
    );
    this.held.abortAll('shutdown', 'the process is shutting down');
    await within(this.held.empty(), timeoutGraceMs + SETTLE_BUDGET_MS);
  }

  private makeLease(served: ReadonlyMap<string, readonly JobType[]>, birth: string | undefined): LeaseKeeper {
    const timeouts = [...served.keys()].map((queue) => queueSettings(this.config, queue).visibilityTimeoutMs);
    const { visibilityTimeoutMs } = this.config.defaults;
    const identity: Omit<WorkerRow, 'id' | 'slots'> = {
      host: hostname(),
      pid: process.pid,
      processStartedAt: birth ?? null,
      entry: this.entries.join(','),
      queues: [...served.keys()],
      types: [...served.values()].flat().map((type) => type.name),
      visibilityTimeoutMs: timeouts.length > 0 ? Math.max(...timeouts) : visibilityTimeoutMs,
    };
    return new LeaseKeeper({
      database: this.database,
      ids: this.ids,
      held: this.held,
      identity,
      shortestVisibilityMs: timeouts.length > 0 ? Math.min(...timeouts) : visibilityTimeoutMs,
      slots: () => this.slotReport(),
      onQueues: (queues) => {
        for (const { name, pausedAt, settings } of queues) {
          const line = this.lines.get(name);
          line?.setPaused(pausedAt !== null);
          line?.set(settings);
        }
        this.slotCount = this.slotReport().total;
        for (const line of this.lines.values()) line.nudge();
      },
      onDrainWanted: () => this.onDrainWanted(),
    });
  }

  private slotReport(): SlotReport {
    const queues = Object.fromEntries([...this.lines].map(([queue, line]) => [queue, line.report]));
    const reports = Object.values(queues);
    return {
      total: sum(reports.map((report) => report.concurrency + report.retryConcurrency)),
      busy: sum(reports.map((report) => report.busy + report.retryBusy)),
      stuck: this.held.stuck.size,
      isDraining: this.draining !== undefined,
      queues,
    };
  }

  private measureSlots(): void {
    this.metrics.reading({
      name: 'rookery_slots',
      help: 'Jobs this process can run at once, by queue: busy, free, and stuck with a handler that does not end',
      type: 'gauge',
      labelNames: ['queue', 'kind', 'state'],
      read: () => [...this.lines].flatMap(([queue, line]) => slotSamples(queue, line.report)),
    });
    this.metrics.value('rookery_lease_held', '1 while this worker holds its lease', () =>
      Number(this.lease?.isHeld ?? false),
    );
    this.metrics.value(
      'rookery_lease_renewals_total',
      'Heartbeats that renewed the lease; one is due every 5 s',
      () => this.lease?.renewals ?? 0,
      'counter',
    );
    this.metrics.value(
      'rookery_leases_lost_total',
      'Leases this process has lost since it began',
      () => this.lease?.losses ?? 0,
      'counter',
    );
  }

  private healthReport(): { isLive: boolean; isReady: boolean; detail: string } {
    const { total, busy, stuck } = this.slotReport();
    const isHeld = this.lease?.isHeld ?? false;
    const state = this.draining ? '; takes no more jobs' : isHeld ? '' : '; the lease is lost';
    const detail = `${busy} of ${total} slots busy, ${stuck} stuck${state}`;
    return { isLive: stuck === 0 || stuck < total, isReady: isHeld, detail };
  }
}

function slotSamples(queue: string, report: QueueSlotReport): Sample[] {
  const { concurrency, busy, retryConcurrency, retryBusy, stuck } = report;
  const sample = (kind: string, state: string, value: number): Sample => ({
    labels: { queue, kind, state },
    value,
  });
  return [
    sample('fresh', 'busy', busy),
    sample('fresh', 'free', concurrency - busy),
    sample('retry', 'busy', retryBusy),
    sample('retry', 'free', retryConcurrency - retryBusy),
    sample('any', 'stuck', stuck),
  ];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** True when the promise resolved within that time. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  try {
    return await Promise.race([promise.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
