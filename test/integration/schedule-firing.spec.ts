import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  JobHandler,
  RookeryModule,
  Scheduled,
  defineConfig,
  defineJob,
  type Handler,
} from '../../src/index.js';
import { ScheduleRestModule } from '../../src/modules/scheduler/index.js';
import { ScheduleService } from '../../src/modules/scheduler/schedule.service.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';

const Tick = defineJob({ name: 'tick', payload: z.strictObject({ of: z.string().default('nothing') }) });

@JobHandler(Tick)
class TickHandler implements Handler<typeof Tick> {
  handle(): void {
    // That it was enqueued is what matters.
  }
}

@Scheduled({ name: 'in-code', cron: '0 2 * * *', timeZone: 'Europe/Berlin', payload: { of: 'code' } })
@Scheduled({ name: 'in-code-too', every: '1s', payload: {} })
@JobHandler(Tick)
class ScheduledHandler extends TickHandler {}

const quiet = (): void => undefined;
const silent = { log: quiet, warn: quiet, error: quiet };

let database: TestDatabase;
let running: TestingModule[];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => (running = []));
afterEach(async () => {
  for (const module of running.reverse()) await module.close();
  await database.query('TRUNCATE schedule, schedule_fire, job, job_key');
});

/** A process of entry scheduler, within this one. */
async function scheduler(handler: new () => Handler = TickHandler): Promise<ScheduleService> {
  const config = defineConfig({ database: { url: database.url } }, {});
  const module = await Test.createTestingModule({
    imports: [
      RookeryModule.forRoot({ entry: 'scheduler', config }),
      RookeryModule.forFeature([handler]),
      ScheduleRestModule,
    ],
  })
    .setLogger(silent)
    .compile();
  running.push(module);
  await module.init();
  return module.get(ScheduleService, { strict: false });
}

async function stopAll(): Promise<void> {
  for (const module of running.splice(0)) await module.close();
}

interface FiredRow {
  readonly at: number;
  readonly dueAt: Date | null;
  readonly schedule: string | null;
}

/** The nominal times that were fired, each with its job, oldest first. */
async function fired(name: string): Promise<FiredRow[]> {
  return database.query<FiredRow>(
    `SELECT extract(epoch FROM f.fire_at)::float8 * 1000 AS at, j.due_at AS "dueAt", j.schedule
       FROM schedule_fire f LEFT JOIN job j ON j.id = f.job_id WHERE f.schedule = $1 ORDER BY f.fire_at`,
    [name],
  );
}

/** Every nominal time of a step of `everyMs` once, each with a job of its own, and no job besides. */
async function expectEachOnce(name: string, everyMs: number): Promise<void> {
  const rows = await fired(name);
  const gaps = rows.slice(1).map(({ at }, index) => at - (rows[index]?.at ?? 0));
  expect(gaps.filter((gap) => gap !== everyMs)).toEqual([]);
  expect(rows.filter(({ schedule }) => schedule !== name)).toEqual([]);
  const [jobs] = await database.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM job WHERE schedule = $1',
    [name],
  );
  expect(jobs?.count).toBe(rows.length);
}

/** As if nothing had fired for so long. */
async function missed(name: string, ms: number): Promise<void> {
  await database.query(
    `UPDATE schedule SET next_fire_at = next_fire_at - $2 * interval '1 ms', anchor_at = anchor_at - interval '30 days' WHERE name = $1`,
    [name, ms],
  );
}

/** As if a schedule of every day had been made so long ago; answers when it fires next. */
async function madeAgo(name: string, ms: number): Promise<Date> {
  const [row] = await database.query<{ nextAt: Date }>(
    `UPDATE schedule SET anchor_at = anchor_at - $2 * interval '1 ms', next_fire_at = next_fire_at - $2 * interval '1 ms'
      WHERE name = $1 RETURNING next_fire_at AS "nextAt"`,
    [name, ms],
  );
  if (!row) throw new Error(`there is no schedule ${name}`);
  return row.nextAt;
}

describe('a schedule', () => {
  it('fires each nominal time once, with its payload, whatever number of schedulers there are', async () => {
    const services = [await scheduler(), await scheduler(), await scheduler()];
    await services[0]?.put('each', { job: 'tick', every: '1s', payload: { of: 'each' } });
    await eventually(async () => (await fired('each')).length >= 3);
    await stopAll();
    await expectEachOnce('each', 1_000);
    const [job] = await database.query<{ payload: unknown }>('SELECT payload FROM job LIMIT 1');
    expect(job?.payload).toEqual({ of: 'each' });
    // The control: a time that was left out, and a job that was made twice, would be seen.
    await database.query(
      `UPDATE schedule_fire SET fire_at = fire_at + interval '1 ms' WHERE fire_at = (SELECT max(fire_at) FROM schedule_fire)`,
    );
    await expect(expectEachOnce('each', 1_000)).rejects.toThrow();
  });

  it.each([
    ['skip' as const, 0],
    ['latest' as const, 1],
    [{ all: 5 }, 5],
    [{ all: 1_000 }, 48],
  ])('with catchUp %j makes up for %i of 48 hours that were missed', async (catchUp, count) => {
    const service = await scheduler();
    // Half an hour away from the present, so that no fire is merely late.
    const minute = (new Date().getUTCMinutes() + 30) % 60;
    await service.put('hourly', { job: 'tick', cron: `${minute} * * * *`, catchUp });
    await stopAll();
    await missed('hourly', 48 * 3_600_000);
    const [before] = await database.query<{ at: number }>(
      'SELECT extract(epoch FROM now())::float8 * 1000 AS at',
    );
    await scheduler();
    await eventually(async () => {
      const [row] = await database.query<{ isAhead: boolean }>(
        `SELECT next_fire_at > now() AS "isAhead" FROM schedule`,
      );
      return row?.isAhead;
    });
    const rows = await fired('hourly');
    expect(rows).toHaveLength(count);
    expect(rows.every(({ at }) => at < (before?.at ?? 0))).toBe(true);
    if (count > 1) await expectEachOnce('hourly', 3_600_000);
  });

  it('fires what came due while a scheduler was restarted, though it skips what it misses', async () => {
    const service = await scheduler();
    await service.put('steady', { job: 'tick', every: '10s', catchUp: 'skip' });
    await stopAll();
    await missed('steady', 40_000);
    await scheduler();
    await eventually(async () => (await fired('steady')).length >= 3);
    await expectEachOnce('steady', 10_000);
  });

  it('starts its job up to the jitter later', async () => {
    const service = await scheduler();
    await service.put('shaken', { job: 'tick', every: '1s', jitter: '1h' });
    await eventually(async () => (await fired('shaken')).length > 0);
    const [row] = await fired('shaken');
    const delay = (row?.dueAt?.getTime() ?? 0) - (row?.at ?? 0);
    expect(delay).toBeGreaterThan(0);
    expect(delay).toBeLessThanOrEqual(3_600_000);
  });

  it('changes at once, keeps quiet while it is paused, and makes up for nothing of that', async () => {
    const service = await scheduler();
    await service.put('edited', { job: 'tick', cron: '0 0 1 1 *' });
    await service.put('edited', { job: 'tick', every: '1s' });
    await eventually(async () => (await fired('edited')).length > 0);
    expect(await service.setPaused('edited', true)).toMatchObject({ paused: true, nextFireAt: null });
    await missed('edited', 30_000);
    const before = (await fired('edited')).length;
    await service.setPaused('edited', false);
    await eventually(async () => (await fired('edited')).length > before);
    const rows = await fired('edited');
    expect((rows[before]?.at ?? 0) - (rows[before - 1]?.at ?? 0)).toBeLessThan(30_000);
  });

  it('makes up for nothing of a pause that a change ends, but for what was missed before a change that does not pause', async () => {
    const service = await scheduler();
    // Half an hour away from the present, so that no fire is merely late.
    const minute = (new Date().getUTCMinutes() + 30) % 60;
    const hourly = { job: 'tick', cron: `${minute} * * * *`, catchUp: { all: 1_000 } };
    await service.put('resumed', { ...hourly, paused: true });
    await missed('resumed', 24 * 3_600_000);
    const { view } = await service.put('resumed', { ...hourly, paused: false });
    expect(Date.parse(view.nextFireAt ?? '')).toBeGreaterThan(Date.now());
    // The control: what was missed and not held back is made up for.
    await service.put('behind', hourly);
    await missed('behind', 24 * 3_600_000);
    await service.put('behind', { ...hourly, paused: false });
    await eventually(async () => (await fired('behind')).length === 24);
    expect(await fired('resumed')).toEqual([]);
  });

  it('goes on in the steps of its interval when something else about it changes, as its preview says', async () => {
    const service = await scheduler();
    await service.put('stepping', { job: 'tick', every: '1d' });
    const nextAt = await madeAgo('stepping', 8 * 3_600_000);
    const endAt = new Date(nextAt.getTime() + 30 * 86_400_000);
    const { view } = await service.put('stepping', { job: 'tick', every: '1d', endAt });
    const [previewed] = await service.preview('stepping', 1);
    expect([view.nextFireAt, previewed?.fireAt]).toEqual([nextAt.toISOString(), nextAt.toISOString()]);
    // The control: another interval counts from now.
    const { view: other } = await service.put('stepping', { job: 'tick', every: '2d' });
    expect(Date.parse(other.nextFireAt ?? '') - Date.now()).toBeGreaterThan(47 * 3_600_000);
  });

  it('fires neither before its start nor after its end', async () => {
    const service = await scheduler();
    const now = Date.now();
    await service.put('bounded', {
      job: 'tick',
      every: '1s',
      startAt: new Date(now + 500),
      endAt: new Date(now + 1_700),
    });
    await eventually(async () => {
      const { nextFireAt } = await service.get('bounded');
      return nextFireAt === null;
    });
    expect((await fired('bounded')).map(({ at }) => at)).toEqual([now + 500, now + 1_500]);
  });

  it('whose job nobody knows says so, is tried again, and holds up no other', async () => {
    const service = await scheduler();
    await service.put('lost', { job: 'tick', every: '1s' });
    await database.query(`UPDATE schedule SET job = 'gone' WHERE name = 'lost'`);
    await service.put('sound', { job: 'tick', every: '1s' });
    await eventually(async () => (await service.get('lost')).error !== null);
    expect((await service.get('lost')).error).toContain('there is no job type named "gone"');
    await eventually(async () => (await fired('sound')).length > 0);
  });

  it('is triggered by hand beside its fires', async () => {
    const service = await scheduler();
    await service.put('by-hand', { job: 'tick', cron: '0 0 1 1 *', payload: { of: 'hand' } });
    const jobId = await service.trigger('by-hand');
    expect((await service.get('by-hand')).fires).toMatchObject([{ jobId, manual: true }]);
  });
});

describe('a schedule in code', () => {
  it('is there after boot, and cannot be changed but paused over the API; the pause outlives a restart', async () => {
    const service = await scheduler(ScheduledHandler);
    expect((await service.list()).map(({ name, source, cron }) => [name, source, cron])).toEqual([
      ['in-code', 'code', '0 2 * * *'],
      ['in-code-too', 'code', null],
    ]);
    await expect(service.put('in-code', { job: 'tick', every: '1s' })).rejects.toMatchObject({
      code: 'schedule_in_code',
    });
    await expect(service.remove('in-code')).rejects.toMatchObject({ code: 'schedule_in_code' });
    await service.setPaused('in-code', true);
    await stopAll();
    const again = await scheduler(ScheduledHandler);
    expect(await again.get('in-code')).toMatchObject({ paused: true });
  });

  it('that nobody has in his code any more is orphaned, does not fire, and may be removed', async () => {
    await scheduler(ScheduledHandler);
    await stopAll();
    await database.query(`UPDATE schedule SET declared_at = now() - interval '3 minutes'`);
    const service = await scheduler();
    await eventually(async () => (await service.get('in-code-too')).orphaned);
    const before = await fired('in-code-too');
    await service.put('other', { job: 'tick', every: '1s' });
    await eventually(async () => (await fired('other')).length > 1);
    expect(await fired('in-code-too')).toEqual(before);
    await service.remove('in-code-too');
    // The control: who has it in his code fires it.
    await stopAll();
    await scheduler(ScheduledHandler);
    await eventually(async () => (await fired('in-code-too')).length > 0);
  });

  it('goes on in the steps of its interval when it is back in the code', async () => {
    @Scheduled({ name: 'daily', every: '1d' })
    @JobHandler(Tick)
    class DailyHandler extends TickHandler {}
    await scheduler(DailyHandler);
    await stopAll();
    const nextAt = await madeAgo('daily', 8 * 3_600_000);
    await database.query('UPDATE schedule SET orphaned_at = now()');
    const service = await scheduler(DailyHandler);
    expect(await service.get('daily')).toMatchObject({ orphaned: false, nextFireAt: nextAt.toISOString() });
  });

  it('is fired by nobody who does not have it in his code, as while versions change', async () => {
    await scheduler(ScheduledHandler);
    await stopAll();
    const service = await scheduler();
    await database.query(
      `UPDATE schedule SET next_fire_at = next_fire_at - interval '1 day' WHERE name = 'in-code'`,
    );
    await service.put('other', { job: 'tick', every: '1s' });
    await eventually(async () => (await fired('other')).length > 0);
    expect(await fired('in-code')).toEqual([]);
  });

  it('that is wrong, or named twice, or stands on no handler, ends the boot with the reason', async () => {
    @Scheduled({ name: 'bad', cron: '0 0 31 2 *' })
    @JobHandler(Tick)
    class NeverHandler extends TickHandler {}
    await expect(scheduler(NeverHandler)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(/@Scheduled "bad": .*cron .*never fires/) as string,
    });
    @Scheduled({ name: 'twice', every: '1s' })
    @Scheduled({ name: 'twice', every: '2s' })
    @JobHandler(Tick)
    class TwiceHandler extends TickHandler {}
    await expect(scheduler(TwiceHandler)).rejects.toThrow(/two schedules are named "twice"/);
  });
});

it.each([
  [{ cron: '0 0 31 2 *' }, /cron .*never fires/],
  [{ cron: '* * *' }, /cron has 3 fields/],
  [{ cron: '0 2 * * *', timeZone: 'Europe/Berlim' }, /timeZone "Europe\/Berlim" is no time zone/],
  [{ every: '0s' }, /every is "0s"; use 1s/],
  [{ every: 5 }, /every is 5; use 1s/],
  [{}, /give exactly one of them/],
  [{ every: '1s', cron: '* * * * *' }, /give exactly one of them/],
  [{ every: '1s', catchUp: { all: 0 } }, /catchUp is \{"all":0\}/],
  [{ every: '1s', jitter: '2d' }, /jitter is "2d"/],
  [{ every: '1s', startAt: new Date(2e12), endAt: new Date(1e12) }, /endAt is .* not after startAt/],
])('%j is refused: %s', async (definition, reason) => {
  const service = await scheduler();
  await expect(service.put('bad', { job: 'tick', ...definition })).rejects.toThrow(reason);
});
