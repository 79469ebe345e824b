import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { z } from 'zod';
import { JobHandler, RookeryModule, defineConfig, defineJob, type Handler } from '../../src/index.js';
import { Database } from '../../src/modules/database/index.js';
import { ScheduleRestModule } from '../../src/modules/scheduler/index.js';
import { ScheduleService } from '../../src/modules/scheduler/schedule.service.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { eventually } from './eventually.js';

/** What the schedules of these tests enqueue. */
export const Tick = defineJob({
  name: 'tick',
  payload: z.strictObject({ of: z.string().default('nothing') }),
});

@JobHandler(Tick)
export class TickHandler implements Handler<typeof Tick> {
  handle(): void {
    // That it was enqueued is what matters.
  }
}

const quiet = (): void => undefined;
const silent = { log: quiet, warn: quiet, error: quiet };

/** A nominal time that was fired, with its job. */
export interface FiredRow {
  readonly at: number;
  readonly dueAt: Date | null;
  readonly schedule: string | null;
}

/** Schedulers within this process that share a database, whose rows a test may change as if time had passed. */
export class ScheduleScene {
  private readonly running: TestingModule[] = [];
  private opened: TestDatabase | undefined;

  get database(): TestDatabase {
    if (!this.opened) throw new Error('the scene is not set');
    return this.opened;
  }

  async open(): Promise<void> {
    this.opened = await createTestDatabase();
  }

  /** A process of entry scheduler, within this one; `url`: by what way it reaches the database. */
  async scheduler(
    handler: new () => Handler = TickHandler,
    url = this.database.url,
  ): Promise<ScheduleService> {
    const config = defineConfig({ database: { url } }, {});
    const module = await Test.createTestingModule({
      imports: [
        RookeryModule.forRoot({ entry: 'scheduler', config }),
        RookeryModule.forFeature([handler]),
        ScheduleRestModule,
      ],
    })
      .setLogger(silent)
      .compile();
    this.running.push(module);
    await module.init();
    return module.get(ScheduleService, { strict: false });
  }

  async stopAll(): Promise<void> {
    for (const module of this.running.splice(0).reverse()) await module.close();
  }

  async reset(): Promise<void> {
    await this.stopAll();
    await this.database.query('TRUNCATE schedule, schedule_fire, job, job_key');
  }

  async close(): Promise<void> {
    await this.database.drop();
  }

  /** The nominal times that were fired, each with its job, oldest first. */
  async fired(name: string): Promise<FiredRow[]> {
    return this.database.query<FiredRow>(
      `SELECT extract(epoch FROM f.fire_at)::float8 * 1000 AS at, j.due_at AS "dueAt", j.schedule
         FROM schedule_fire f LEFT JOIN job j ON j.id = f.job_id WHERE f.schedule = $1 ORDER BY f.fire_at`,
      [name],
    );
  }

  /** Every nominal time of a step of `everyMs` once, each with a job of its own, and no job besides. */
  async expectEachOnce(name: string, everyMs: number): Promise<void> {
    const rows = await this.fired(name);
    const gaps = rows.slice(1).map(({ at }, index) => at - (rows[index]?.at ?? 0));
    expect(gaps.filter((gap) => gap !== everyMs)).toEqual([]);
    expect(rows.filter(({ schedule }) => schedule !== name)).toEqual([]);
    expect(await this.jobsOf(name)).toBe(rows.length);
  }

  /** How many jobs the schedule has made. */
  async jobsOf(name: string): Promise<number> {
    const [jobs] = await this.database.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM job WHERE schedule = $1',
      [name],
    );
    return jobs?.count ?? 0;
  }

  /** As if nothing had fired for so long. */
  async missed(name: string, ms: number): Promise<void> {
    await this.database.query(
      `UPDATE schedule SET next_fire_at = next_fire_at - $2 * interval '1 ms', anchor_at = anchor_at - interval '30 days' WHERE name = $1`,
      [name, ms],
    );
  }

  /** As if the schedule had been made so long ago, and had not fired yet; answers when it fires next. */
  async madeAgo(name: string, ms: number): Promise<Date> {
    const [row] = await this.database.query<{ nextAt: Date }>(
      `UPDATE schedule SET anchor_at = anchor_at - $2 * interval '1 ms', next_fire_at = next_fire_at - $2 * interval '1 ms'
        WHERE name = $1 RETURNING next_fire_at AS "nextAt"`,
      [name, ms],
    );
    if (!row) throw new Error(`there is no schedule ${name}`);
    return row.nextAt;
  }

  /** As if no process had said for so long that its code has the schedule. */
  async silent(name: string, ms: number): Promise<void> {
    await this.database.query(
      `UPDATE schedule SET declared_at = now() - $2 * interval '1 ms' WHERE name = $1`,
      [name, ms],
    );
  }

  /** Lets the clock of the newest scheduler, whose code has that schedule, run ahead without a break in what it does, until it is so. */
  async runAhead(name: string, isSo: () => Promise<boolean>): Promise<void> {
    const clock = this.running.at(-1)?.get(Database, { strict: false }).clock;
    if (!clock) throw new Error('no scheduler runs');
    let aheadMs = 0;
    const now = vi.spyOn(clock, 'now').mockImplementation(() => Date.now() + aheadMs);
    try {
      while (!(await isSo())) {
        const before = await this.declaredAt(name);
        aheadMs += 40_000;
        await eventually(async () => (await this.declaredAt(name)) > before);
      }
    } finally {
      now.mockRestore();
    }
  }

  private async declaredAt(name: string): Promise<number> {
    const [row] = await this.database.query<{ at: Date }>(
      'SELECT declared_at AS at FROM schedule WHERE name = $1',
      [name],
    );
    return row?.at.getTime() ?? 0;
  }
}

/** A scene for the tests of this file, without schedules at the begin of each. */
export function useScheduleScene(): ScheduleScene {
  const scene = new ScheduleScene();
  beforeAll(() => scene.open());
  afterEach(() => scene.reset());
  afterAll(() => scene.close());
  return scene;
}
