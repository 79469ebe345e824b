import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { JobHandler, defineJob, type Handler } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { openLossyProxy } from '../support/lossy-proxy.js';
import { TickHandler, useScheduleScene } from '../support/schedule-scene.js';

const Single = defineJob({
  name: 'single',
  payload: z.strictObject({}),
  dedupe: { until: 'finished' },
  prepare: (payload, options) => ({ payload, options: { ...options, objectId: 'the one' } }),
});

@JobHandler(Single)
class SingleHandler implements Handler<typeof Single> {
  handle(): void {
    // No worker runs.
  }
}

const scene = useScheduleScene();

describe('a schedule', () => {
  it('fires each nominal time once, with its payload, whatever number of schedulers there are', async () => {
    const services = [await scene.scheduler(), await scene.scheduler(), await scene.scheduler()];
    await services[0]?.put('each', { job: 'tick', every: '1s', payload: { of: 'each' } });
    await eventually(async () => (await scene.fired('each')).length >= 3);
    await scene.stopAll();
    await scene.expectEachOnce('each', 1_000);
    const [job] = await scene.database.query<{ payload: unknown }>('SELECT payload FROM job LIMIT 1');
    expect(job?.payload).toEqual({ of: 'each' });
    // The control: a time that was left out, and a job that was made twice, would be seen.
    await scene.database.query(
      `UPDATE schedule_fire SET fire_at = fire_at + interval '1 ms' WHERE fire_at = (SELECT max(fire_at) FROM schedule_fire)`,
    );
    await expect(scene.expectEachOnce('each', 1_000)).rejects.toThrow();
  });

  it.each([
    ['skip' as const, 0],
    ['latest' as const, 1],
    [{ all: 5 }, 5],
    [{ all: 1_000 }, 48],
  ])('with catchUp %j makes up for %i of 48 hours that were missed', async (catchUp, count) => {
    const service = await scene.scheduler();
    // Half an hour away from the present, so that no fire is merely late.
    const minute = (new Date().getUTCMinutes() + 30) % 60;
    await service.put('hourly', { job: 'tick', cron: `${minute} * * * *`, catchUp });
    await scene.stopAll();
    await scene.missed('hourly', 48 * 3_600_000);
    const [before] = await scene.database.query<{ at: number }>(
      'SELECT extract(epoch FROM now())::float8 * 1000 AS at',
    );
    await scene.scheduler();
    await eventually(async () => {
      const [row] = await scene.database.query<{ isAhead: boolean }>(
        `SELECT next_fire_at > now() AS "isAhead" FROM schedule`,
      );
      return row?.isAhead;
    });
    const rows = await scene.fired('hourly');
    expect(rows).toHaveLength(count);
    expect(rows.every(({ at }) => at < (before?.at ?? 0))).toBe(true);
    if (count > 1) await scene.expectEachOnce('hourly', 3_600_000);
  });

  it('fires what came due while a scheduler was restarted, though it skips what it misses', async () => {
    const service = await scene.scheduler();
    await service.put('steady', { job: 'tick', every: '10s', catchUp: 'skip' });
    await scene.stopAll();
    await scene.missed('steady', 40_000);
    await scene.scheduler();
    await eventually(async () => (await scene.fired('steady')).length >= 3);
    await scene.expectEachOnce('steady', 10_000);
  });

  it('starts its job up to the jitter later', async () => {
    const service = await scene.scheduler();
    await service.put('shaken', { job: 'tick', every: '1s', jitter: '1h' });
    await eventually(async () => (await scene.fired('shaken')).length > 0);
    const [row] = await scene.fired('shaken');
    const delay = (row?.dueAt?.getTime() ?? 0) - (row?.at ?? 0);
    expect(delay).toBeGreaterThan(0);
    expect(delay).toBeLessThanOrEqual(3_600_000);
  });

  it('changes at once, keeps quiet while it is paused, and makes up for nothing of that', async () => {
    const service = await scene.scheduler();
    await service.put('edited', { job: 'tick', cron: '0 0 1 1 *' });
    await service.put('edited', { job: 'tick', every: '1s' });
    await eventually(async () => (await scene.fired('edited')).length > 0);
    expect(await service.setPaused('edited', true)).toMatchObject({ paused: true, nextFireAt: null });
    await scene.missed('edited', 30_000);
    const before = (await scene.fired('edited')).length;
    await service.setPaused('edited', false);
    await eventually(async () => (await scene.fired('edited')).length > before);
    const rows = await scene.fired('edited');
    expect((rows[before]?.at ?? 0) - (rows[before - 1]?.at ?? 0)).toBeLessThan(30_000);
  });

  it('makes up for nothing of a pause that a change ends, but for what was missed before a change that does not pause', async () => {
    const service = await scene.scheduler();
    // Half an hour away from the present, so that no fire is merely late.
    const minute = (new Date().getUTCMinutes() + 30) % 60;
    const hourly = { job: 'tick', cron: `${minute} * * * *`, catchUp: { all: 1_000 } };
    await service.put('resumed', { ...hourly, paused: true });
    await scene.missed('resumed', 24 * 3_600_000);
    const { view } = await service.put('resumed', { ...hourly, paused: false });
    expect(Date.parse(view.nextFireAt ?? '')).toBeGreaterThan(Date.now());
    // The control: what was missed and not held back is made up for.
    await service.put('behind', hourly);
    await scene.missed('behind', 24 * 3_600_000);
    await service.put('behind', { ...hourly, paused: false });
    await eventually(async () => (await scene.fired('behind')).length === 24);
    expect(await scene.fired('resumed')).toEqual([]);
  });

  it('goes on in the steps of its interval when something else about it changes, as its preview says', async () => {
    const service = await scene.scheduler();
    await service.put('stepping', { job: 'tick', every: '1d' });
    const nextAt = await scene.madeAgo('stepping', 8 * 3_600_000);
    const endAt = new Date(nextAt.getTime() + 30 * 86_400_000);
    const { view } = await service.put('stepping', { job: 'tick', every: '1d', endAt });
    const [previewed] = await service.preview('stepping', 1);
    expect([view.nextFireAt, previewed?.fireAt]).toEqual([nextAt.toISOString(), nextAt.toISOString()]);
    // The control: another interval counts from now.
    const { view: other } = await service.put('stepping', { job: 'tick', every: '2d' });
    expect(Date.parse(other.nextFireAt ?? '') - Date.now()).toBeGreaterThan(47 * 3_600_000);
  });

  it('fires neither before its start nor after its end', async () => {
    const service = await scene.scheduler();
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
    expect((await scene.fired('bounded')).map(({ at }) => at)).toEqual([now + 500, now + 1_500]);
  });

  it('whose job nobody knows says so, is tried again, and holds up no other', async () => {
    const service = await scene.scheduler();
    await service.put('lost', { job: 'tick', every: '1s' });
    await scene.database.query(`UPDATE schedule SET job = 'gone' WHERE name = 'lost'`);
    await service.put('sound', { job: 'tick', every: '1s' });
    await eventually(async () => (await service.get('lost')).error !== null);
    expect((await service.get('lost')).error).toContain('there is no job type named "gone"');
    await eventually(async () => (await scene.fired('sound')).length > 0);
  });

  it('shows no error for a fire that was done and whose answer was lost', async () => {
    const proxy = await openLossyProxy(scene.database.url);
    onTestFinished(async () => {
      await scene.stopAll();
      await proxy.close();
    });
    const service = await scene.scheduler(TickHandler, proxy.url);
    const lost = proxy.loseAnswerTo('COMMIT', { after: 'INSERT INTO schedule_fire' });
    await service.put('answered', { job: 'tick', every: '1h' });
    await scene.missed('answered', 3_600_000);
    await lost;
    // Fired later: an error of the first, if there is any, is written by then.
    await service.put('afterwards', { job: 'tick', every: '1h' });
    await scene.missed('afterwards', 3_600_000);
    await eventually(async () => (await scene.fired('afterwards')).length > 0);
    expect(await scene.fired('answered')).toHaveLength(1);
    expect(await service.get('answered')).toMatchObject({ error: null });
  });

  it('is triggered by hand beside its fires', async () => {
    const service = await scene.scheduler();
    await service.put('by-hand', { job: 'tick', cron: '0 0 1 1 *', payload: { of: 'hand' } });
    const jobId = await service.trigger('by-hand');
    expect((await service.get('by-hand')).fires).toMatchObject([{ jobId, manual: true }]);
    expect(await scene.jobsOf('by-hand')).toBe(1);
  });

  it('is not triggered while a job is open that the new one would be a duplicate of', async () => {
    const service = await scene.scheduler(SingleHandler);
    await service.put('single', { job: 'single', cron: '0 0 1 1 *' });
    const jobId = await service.trigger('single');
    await expect(service.trigger('single')).rejects.toMatchObject({
      code: 'duplicate_job',
      details: { jobId },
    });
    expect((await service.get('single')).fires).toMatchObject([{ jobId, manual: true }]);
  });

  it('makes no job by hand that it cannot show among its fires', async () => {
    const service = await scene.scheduler();
    await service.put('unrecorded', { job: 'tick', cron: '0 0 1 1 *' });
    await scene.database.query(`ALTER TABLE schedule_fire ADD CONSTRAINT no_hand CHECK (NOT is_manual)`);
    onTestFinished(async () => {
      await scene.database.query('ALTER TABLE schedule_fire DROP CONSTRAINT no_hand');
    });
    await expect(service.trigger('unrecorded')).rejects.toThrow('no_hand');
    expect(await scene.jobsOf('unrecorded')).toBe(0);
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
  const service = await scene.scheduler();
  await expect(service.put('bad', { job: 'tick', ...definition })).rejects.toThrow(reason);
});
