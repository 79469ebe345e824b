import { Logger } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { monotonicMs } from '../../kernel/clock.js';
import { RookeryError } from '../../kernel/errors.js';
import type { Occupation } from '../../kernel/retirement.js';
import { reasonOf, type Database } from '../database/index.js';
import {
  controlQuery,
  insertKeyedJobs,
  type JobEnqueuer,
  type JobRegistry,
  type JobService,
  type NewJob,
} from '../job/index.js';
import type { CodeSchedules } from './code-schedules.js';
import { Declarer } from './declarer.js';
import { firesDue, nextFireAt, type ScheduleRow } from './schedule.js';
import {
  dueSchedules,
  lockDueSchedule,
  moveSchedule,
  recordFires,
  setFireJob,
  setScheduleError,
} from './schedule.repository.js';
import type { ScheduleService } from './schedule.service.js';

/** How often the table is asked for what is due; a fire that comes sooner has a timer of its own. */
const TICK_MS = 1_000;
const TICK = 'rookery:schedules';
const WAKE = 'rookery:next-fire';

/** A schedule that cannot fire here is not tried again for so long: another process may be able to. */
const REST_MS = 10_000;

export interface FirerParts {
  readonly database: Database;
  readonly jobs: JobService;
  readonly enqueuer: JobEnqueuer;
  readonly registry: JobRegistry;
  readonly service: ScheduleService;
  readonly code: CodeSchedules;
  readonly timers: SchedulerRegistry;
  readonly random?: () => number;
}

/**
 * Fires schedules: enqueues a job for each nominal time, in the transaction that records the time as fired. Any number of processes may do
 * so at once: each nominal time has one row, and whoever writes it makes the job.
 */
export class Firer implements Occupation {
  private readonly logger = new Logger('Schedules');
  /** When it last fired, monotonic, in ms. */
  lastTookAt: number | undefined;
  private readonly declared: string[] = [];
  private readonly declarer: Declarer;
  private readonly resting = new Map<string, number>();
  private ticking: Promise<void> | undefined;
  private isStopped = false;
  private isTroubled = false;

  constructor(private readonly parts: FirerParts) {
    this.declarer = new Declarer(parts.database, this.declared);
  }

  /** Stores the schedules in code, and begins to fire. Rejects with what is wrong with one of them. */
  async start(): Promise<void> {
    const { code, service, timers } = this.parts;
    for (const { type, options } of code.find()) {
      const { name, ...definition } = options;
      await service.declare(name, type, definition).catch((error: unknown) => {
        throw asMisconfigured(name, error);
      });
      this.declared.push(name);
    }
    if (this.isStopped) return;
    timers.addInterval(
      TICK,
      setInterval(() => this.wake(), TICK_MS),
    );
    this.wake();
  }

  /** Fires nothing more; resolves when no fire is under way. Idempotent. */
  async stop(): Promise<void> {
    this.isStopped = true;
    const { timers } = this.parts;
    if (timers.doesExist('interval', TICK)) timers.deleteInterval(TICK);
    this.endTimer();
    await this.ticking;
  }

  /** A fire takes no longer than its transaction. */
  readonly isBusy = false;

  drain(): Promise<void> {
    return this.stop();
  }

  /** Looks for what is due, now or when the look under way has ended. Never rejects. */
  wake(): void {
    if (this.isStopped || this.ticking) return;
    this.ticking = this.tick()
      .catch((error: unknown) => this.note(error))
      .finally(() => (this.ticking = undefined));
  }

  private async tick(): Promise<void> {
    this.endTimer();
    const now = monotonicMs();
    for (const [name, until] of this.resting) if (until <= now) this.resting.delete(name);
    for (;;) {
      await this.declarer.run();
      const due = await dueSchedules(controlQuery(this.parts.database.control), {
        declared: this.declared,
        without: [...this.resting.keys()],
        withinMs: TICK_MS,
      });
      const ripe = due.filter(({ inMs }) => inMs <= 0);
      for (const { name } of ripe) await this.fire(name);
      this.isTroubled = false;
      const soonest = due.find(({ inMs }) => inMs > 0);
      if (ripe.length === 0 || this.isStopped) return this.setTimer(soonest?.inMs);
    }
  }

  private async fire(name: string): Promise<void> {
    if (this.isStopped) return;
    try {
      const jobs = await this.fireOnce(name);
      if (jobs.length === 0) return;
      this.lastTookAt = monotonicMs();
      this.parts.enqueuer.stored(jobs);
    } catch (error) {
      this.resting.set(name, monotonicMs() + REST_MS);
      const query = controlQuery(this.parts.database.control);
      if (await setScheduleError(query, name, reasonOf(error)))
        this.logger.warn(`schedule ${name} could not fire: ${reasonOf(error)}`);
    }
  }

  /** Fires what is due of a schedule; answers the jobs made. */
  private async fireOnce(name: string): Promise<NewJob[]> {
    const { database, enqueuer } = this.parts;
    return database.control.transaction(async (queries) => {
      const query = controlQuery(queries);
      const row = await lockDueSchedule(query, name);
      if (!row?.nextFireAt) {
        // Somebody else is firing it, and the next look will find it moved on.
        this.resting.set(name, monotonicMs());
        return [];
      }
      const now = row.now.getTime();
      const times = firesDue(row, row.catchUp, row.nextFireAt.getTime(), now);
      const prepared = await Promise.all(
        times.map(async (at) => ({ at, job: await this.jobFor(row, at, now) })),
      );
      await enqueuer.ensurePartitions(prepared.map(({ job }) => job));
      const fresh = await recordFires(
        query,
        name,
        prepared.map(({ at, job }) => ({ at: new Date(at), jobId: job.id })),
      );
      const fired = prepared.filter(({ at }) => fresh.has(at));
      const outcomes = await insertKeyedJobs(
        query,
        fired.map(({ job }) => job),
      );
      for (const [index, outcome] of outcomes.entries()) {
        const { at } = fired[index] ?? { at: 0 };
        if (outcome.kind === 'held')
          throw new Error('another transaction is about to store a job of the same object');
        if (outcome.kind === 'duplicate') await setFireJob(query, name, new Date(at), outcome.jobId);
      }
      const last = times.at(-1);
      await moveSchedule(query, name, last === undefined ? null : new Date(last), nextFireAt(row, now));
      return fired.flatMap(({ job }, index) => (outcomes[index]?.kind === 'stored' ? [job] : []));
    });
  }

  private async jobFor(row: ScheduleRow, at: number, now: number): Promise<NewJob> {
    const { jobs, registry, random = Math.random } = this.parts;
    const dueMs = at + Math.floor(random() * row.jitterMs);
    const job = await jobs.prepare(
      registry.get(row.job),
      row.payload,
      row.jitterMs > 0 && dueMs > now ? { runAt: new Date(dueMs) } : {},
    );
    return { ...job, schedule: row.name };
  }

  private setTimer(inMs: number | undefined): void {
    if (inMs === undefined || this.isStopped) return;
    const timer = setTimeout(
      () => {
        this.endTimer();
        this.wake();
      },
      Math.max(1, Math.ceil(inMs)),
    );
    this.parts.timers.addTimeout(WAKE, timer);
  }

  private endTimer(): void {
    const { timers } = this.parts;
    if (timers.doesExist('timeout', WAKE)) timers.deleteTimeout(WAKE);
  }

  /** Once for each time the database goes away. */
  private note(error: unknown): void {
    if (this.isTroubled || this.isStopped) return;
    this.isTroubled = true;
    this.logger.warn(`schedules wait for the database: ${reasonOf(error)}`);
  }
}

/** What is wrong with a schedule in code is for whoever wrote it to mend, before anything runs. */
function asMisconfigured(name: string, error: unknown): unknown {
  if (!(error instanceof RookeryError) || !['invalid_request', 'invalid_payload'].includes(error.code))
    return error;
  return new RookeryError(
    'invalid_config',
    `@Scheduled ${JSON.stringify(name)}: ${error.message}`,
    error.details,
  );
}
