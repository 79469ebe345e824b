import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { idTime, lowestIdAt } from '../../src/kernel/ids.js';
import { Database } from '../../src/modules/database/index.js';
import {
  addQueues,
  controlQuery,
  DAY_MS,
  Partitions,
  startOfDay,
  type Query,
} from '../../src/modules/job/index.js';
import { controlStep } from '../../src/modules/scheduler/control-step.js';
import type { Step } from '../../src/modules/scheduler/duty.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** The columns of a job a test cares about; the others have values that satisfy the constraints. */
export interface JobRow {
  /** How long ago the job was made: its id says so. */
  readonly agoMs?: number;
  readonly id?: string;
  readonly queue?: string;
  readonly name?: string;
  readonly lane?: 'high' | 'normal' | 'low';
  readonly status?: 'waiting' | 'executing' | 'done' | 'failed' | 'canceled';
  readonly run?: number;
  readonly attempt?: number;
  readonly maxAttempts?: number;
  /** How long ago it became due; negative: due in the future. */
  readonly dueAgoMs?: number;
  readonly workerId?: string;
  readonly isCancelRequested?: boolean;
}

/** A job as it lies in the table. */
export interface StoredJob {
  readonly id: string;
  readonly queue: string;
  readonly status: string;
  readonly run: number;
  readonly attempt: number;
  readonly dueAt: Date | null;
  readonly workerId: string | null;
  readonly history:
    { outcome: string; worker: string; run: number; attempt: number; error?: { message: string } }[] | null;
}

/** An id made that long ago. */
export function idAgo(agoMs: number): string {
  return `${lowestIdAt(Date.now() - agoMs).slice(0, 14)}7${randomBytes(2).toString('hex').slice(1)}-8${randomBytes(2).toString('hex').slice(1)}-${randomBytes(6).toString('hex')}`;
}

/** A test database with its connections open, partitions from yesterday to the day after tomorrow, and ways to put rows there as if time had passed. */
export class JobTables {
  readonly query: Query;
  readonly step: Step;

  private constructor(
    readonly test: TestDatabase,
    readonly database: Database,
  ) {
    this.query = controlQuery(database.control);
    this.step = controlStep(database.control);
  }

  static async open(): Promise<JobTables> {
    const test = await createTestDatabase();
    const database = openedOn(test.url);
    await database.open();
    const partitions = new Partitions(database);
    const today = startOfDay(database.clock.now());
    // The specs' oldest jobs are some 30 h old, which in the early hours is the day before yesterday.
    for (const day of [-2, -1, 0, 1, 2]) await partitions.ensure(today + day * DAY_MS);
    return new JobTables(test, database);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.test.drop();
  }

  /** A session of its own, as a caller's application has one. */
  async session(): Promise<Client> {
    const client = new Client({ connectionString: this.test.url, application_name: 'caller' });
    await client.connect();
    return client;
  }

  async addQueue(name: string): Promise<void> {
    await addQueues(this.query, [name]);
  }

  /** Inserts the jobs, in `session` or at once; answers their ids in that order. */
  async insert(rows: readonly JobRow[], session?: Client): Promise<string[]> {
    const complete = rows.map((row) => ({
      ...row,
      id: row.id ?? idAgo(row.agoMs ?? 0),
      isFinished: isFinished(row.status),
    }));
    for (const queue of new Set(rows.map((row) => row.queue ?? 'mail'))) await this.addQueue(queue);
    const values = [JSON.stringify(complete)];
    await (session ? session.query(INSERT, values) : this.test.query(INSERT, values));
    return complete.map((row) => row.id);
  }

  /** Inserts a worker whose last renewal was that long ago. */
  async insertWorker(row: {
    readonly id?: string;
    readonly seenAgoMs?: number;
    readonly visibilityTimeoutMs?: number;
    readonly host?: string;
    readonly pid?: number;
    readonly processStartedAt?: string | null;
    readonly isStopped?: boolean;
    readonly isLost?: boolean;
  }): Promise<string> {
    const id = row.id ?? idAgo(0);
    await this.test.query(
      `INSERT INTO worker (id, host, pid, process_started_at, entry, queues, types, slots, visibility_timeout_ms, seen_at, stopped_at, lost_at)
       VALUES ($1, $2, $3, $4, 'worker', '{mail}', '{send}', '{}', $5, clock_timestamp() - $6 * interval '1 ms',
               CASE WHEN $7 THEN now() END, CASE WHEN $8 THEN now() END)`,
      [
        id,
        row.host ?? 'elsewhere',
        row.pid ?? 1,
        row.processStartedAt ?? null,
        row.visibilityTimeoutMs ?? 30_000,
        row.seenAgoMs ?? 0,
        row.isStopped ?? false,
        row.isLost ?? false,
      ],
    );
    return id;
  }

  /** Renews the worker's lease. */
  async renew(workerId: string): Promise<void> {
    await this.test.query('UPDATE worker SET seen_at = clock_timestamp() WHERE id = $1', [workerId]);
  }

  async job(id: string): Promise<StoredJob> {
    const [row] = await this.test.query<StoredJob>(
      'SELECT id, queue, status, run, attempt, due_at AS "dueAt", worker_id AS "workerId", history FROM job WHERE id = $1',
      [id],
    );
    if (!row) throw new Error(`there is no job ${id}`);
    return row;
  }

  async watermark(queue = 'mail'): Promise<string> {
    const [row] = await this.test.query<{ watermark: string }>(
      'SELECT watermark FROM queue WHERE name = $1',
      [queue],
    );
    if (!row) throw new Error(`there is no queue ${queue}`);
    return row.watermark;
  }

  /** The invariant of the storage: open jobs that are neither above their queue's watermark nor have due_at. There must be none. */
  async lostFromSight(): Promise<string[]> {
    const rows = await this.test.query<{ id: string }>(
      `SELECT job.id FROM job JOIN queue ON queue.name = job.queue
        WHERE job.status IN ('waiting', 'executing') AND job.due_at IS NULL AND job.id <= queue.watermark ORDER BY job.id`,
    );
    return rows.map((row) => row.id);
  }
}

/** A `Database` on that URL, yet to be opened, that says nothing. */
export function openedOn(url: string): Database {
  const quiet = { log: () => undefined, warn: () => undefined };
  return new Database({ settings: { url, schema: 'public', folder: '' }, log: quiet });
}

/** When a job was made, by its id. */
export function madeAt(id: string): Date {
  return new Date(idTime(id));
}

function isFinished(status: JobRow['status']): boolean {
  return status !== undefined && status !== 'waiting' && status !== 'executing';
}

const INSERT = `
INSERT INTO job (id, queue, name, lane, status, run, attempt, max_attempts, due_at, worker_id, started_at, finished_at, discarded_at,
                 cancel_requested_at, payload)
SELECT r.id, coalesce(r.queue, 'mail'), coalesce(r.name, 'send'), coalesce(r.lane, 'normal')::job_lane,
       coalesce(r.status, 'waiting')::job_status, coalesce(r.run, CASE WHEN r.status = 'executing' THEN 1 ELSE 0 END),
       coalesce(r.attempt, CASE WHEN r.status = 'executing' THEN 1 ELSE 0 END), coalesce(r."maxAttempts", 3),
       clock_timestamp() - r."dueAgoMs" * interval '1 ms', r."workerId", CASE WHEN r.status = 'executing' THEN now() END,
       CASE WHEN r."isFinished" THEN now() END, CASE WHEN r.status IN ('failed', 'canceled') THEN now() END,
       CASE WHEN r."isCancelRequested" THEN now() END, '{}'
  FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, queue text, name text, lane text, status text, run int, attempt int, "maxAttempts" int,
       "dueAgoMs" float8, "workerId" uuid, "isCancelRequested" boolean, "isFinished" boolean)`;
