import { Injectable } from '@nestjs/common';
import { RookeryError, type Issue } from '../../kernel/errors.js';
import { Database } from '../database/index.js';
import {
  JobRegistry,
  JobService,
  controlQuery,
  databaseError,
  invalidRequest,
  withoutSecrets,
  type JobType,
  type Query,
} from '../job/index.js';
import {
  nextFireAt,
  preview,
  progressOf,
  rulesOf,
  scheduleViewOf,
  type PreviewedFire,
  type ScheduleDefinition,
  type ScheduleRow,
  type ScheduleView,
} from './schedule.js';
import {
  allSchedules,
  firesOf,
  lockSchedule,
  putSchedule,
  recordTrigger,
  removeSchedule,
  scheduleNamed,
  setSchedulePaused,
} from './schedule.repository.js';

const NAME = /^[A-Za-z0-9:_.-]{1,64}$/;

/** Fires shown with a schedule. */
const SHOWN_FIRES = 20;

/** A schedule asked for: its definition, the name of its job type, and whether it is to be paused (absent: as it is). */
export interface ScheduleRequest extends ScheduleDefinition {
  readonly job: string;
  readonly paused?: boolean;
}

/** One fire of a schedule as everyone outside sees it. */
export interface FireView {
  readonly fireAt: string;
  readonly firedAt: string;
  readonly jobId: string;
  /** True when it was asked for by hand. */
  readonly manual: boolean;
}

/** Keeps schedules: what they are, and what they fired. Firing them is the firer's. */
@Injectable()
export class ScheduleService {
  constructor(
    private readonly database: Database,
    private readonly jobs: JobService,
    private readonly registry: JobRegistry,
  ) {}

  /** Every schedule, by name. Secrets of payloads are hidden, as in every view of one. */
  async list(): Promise<ScheduleView[]> {
    return (await this.control(allSchedules)).map((row) => this.shown(row));
  }

  /** One schedule with its last fires, newest first. Throws `no_such_schedule`. */
  async get(name: string): Promise<ScheduleView & { readonly fires: readonly FireView[] }> {
    const row = await this.row(name);
    const fires = await this.control((query) => firesOf(query, name, SHOWN_FIRES));
    return {
      ...this.shown(row),
      fires: fires.map(({ fireAt, firedAt, jobId, isManual }) => ({
        fireAt: fireAt.toISOString(),
        firedAt: firedAt.toISOString(),
        jobId,
        manual: isManual,
      })),
    };
  }

  /**
   * Makes a schedule, or changes the one of that name; it holds from the next fire on. Throws `invalid_request` with every bad field,
   * `unknown_job_name`, `invalid_payload`, and `schedule_in_code` for one that code declares.
   */
  async put(name: string, request: ScheduleRequest): Promise<{ view: ScheduleView; isNew: boolean }> {
    const known = NAME.test(name) ? await this.control((query) => scheduleNamed(query, name)) : undefined;
    if (known?.source === 'code' && known.orphanedAt === null) {
      throw new RookeryError(
        'schedule_in_code',
        `schedule ${name} is declared by @Scheduled; change it there, or pause it`,
        { name },
      );
    }
    const isNew = await this.store(name, 'api', this.registry.get(request.job), request);
    return { view: this.shown(await this.row(name)), isNew };
  }

  /** Stores a schedule of this process's code. Throws as `put` does for what is wrong with it. */
  async declare(name: string, type: JobType, definition: ScheduleDefinition): Promise<void> {
    await this.store(name, 'code', type, definition);
  }

  /** Removes a schedule; its jobs stay. Throws `no_such_schedule`, and `schedule_in_code` for one that code declares. */
  async remove(name: string): Promise<void> {
    const { source, orphanedAt } = await this.row(name);
    if (source === 'code' && orphanedAt === null) {
      throw new RookeryError(
        'schedule_in_code',
        `schedule ${name} is declared by @Scheduled; remove it there, or pause it`,
        { name },
      );
    }
    await this.transaction((query) => removeSchedule(query, name));
  }

  /** Pauses a schedule, or lets it fire again: what it would have fired meanwhile is not made up for. Throws `no_such_schedule`. */
  async setPaused(name: string, isPaused: boolean): Promise<ScheduleView> {
    await this.row(name);
    await this.transaction(async (query) => {
      const row = await lockSchedule(query, name);
      if (row) await setSchedulePaused(query, name, isPaused, nextFireAt(row, this.database.clock.now()));
    });
    return this.shown(await this.row(name));
  }

  /**
   * Enqueues its job now, beside its fires; answers the job's id. Throws `no_such_schedule`, and as an enqueue does: then, unless only the answer
   * to the commit was lost, there is no job.
   */
  async trigger(name: string): Promise<string> {
    const { job, payload } = await this.row(name);
    const prepared = await this.jobs.prepare(this.registry.get(job), payload);
    const triggered = { ...prepared, schedule: name };
    return this.jobs.enqueuePrepared(triggered, (query) => recordTrigger(query, name, triggered.id));
  }

  /** The next fires of a schedule, 1…1,000 of them. Throws `no_such_schedule`. */
  async preview(name: string, count: number): Promise<PreviewedFire[]> {
    return preview(await this.row(name), this.database.clock.now(), count);
  }

  private shown(row: ScheduleRow): ScheduleView {
    return scheduleViewOf({ ...row, payload: withoutSecrets(this.registry.find(row.job), row.payload) });
  }

  /** Answers whether it is new. */
  private async store(
    name: string,
    source: 'code' | 'api',
    type: JobType,
    request: ScheduleDefinition & { readonly paused?: boolean },
  ): Promise<boolean> {
    const reading = rulesOf(request, this.database.clock.now());
    const issues: Issue[] = 'issues' in reading ? [...reading.issues] : [];
    if (!NAME.test(name)) {
      const rule = 'use 1 to 64 of letters, digits and : _ . -';
      issues.push({ path: 'name', message: `is ${JSON.stringify(name.slice(0, 80))}; ${rule}` });
    }
    if ('issues' in reading || issues.length > 0) throw invalidRequest(issues);
    const { rules } = reading;
    // Prepared once now, so that a payload which does not fit is told to whoever wrote it.
    const given = request.payload ?? {};
    await this.jobs.prepare(type, given);
    const schedule = { ...rules, ...(request.paused !== undefined && { isPaused: request.paused }) };
    return this.transaction(async (query) => {
      const known = await lockSchedule(query, name);
      await putSchedule(query, {
        ...schedule,
        ...progressOf(schedule, known, this.database.clock.now()),
        name,
        source,
        job: type.name,
        payload: JSON.stringify(given),
      });
      return known === undefined;
    });
  }

  private async row(name: string): Promise<ScheduleRow> {
    // A name that none may have can hold what PostgreSQL cannot read.
    const row = NAME.test(name) ? await this.control((query) => scheduleNamed(query, name)) : undefined;
    if (row) return row;
    throw new RookeryError('no_such_schedule', `there is no schedule named ${JSON.stringify(name)}`, {
      name,
    });
  }

  private transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.control(() => this.database.control.transaction((queries) => work(controlQuery(queries))));
  }

  private async control<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    try {
      return await work(controlQuery(this.database.control));
    } catch (error) {
      throw databaseError(error);
    }
  }
}
