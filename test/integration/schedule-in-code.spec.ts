import { describe, expect, it } from 'vitest';
import { JobHandler, Scheduled } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { Tick, TickHandler, useScheduleScene } from '../support/schedule-scene.js';

@Scheduled({ name: 'in-code', cron: '0 2 * * *', timeZone: 'Europe/Berlin', payload: { of: 'code' } })
@Scheduled({ name: 'in-code-too', every: '1s', payload: {} })
@JobHandler(Tick)
class ScheduledHandler extends TickHandler {}

@Scheduled({ name: 'rare', cron: '0 0 1 1 *', payload: {} })
@JobHandler(Tick)
class RareHandler extends TickHandler {}

const scene = useScheduleScene();

describe('a schedule in code', () => {
  it('is there after boot, and cannot be changed but paused over the API; the pause outlives a restart', async () => {
    const service = await scene.scheduler(ScheduledHandler);
    expect((await service.list()).map(({ name, source, cron }) => [name, source, cron])).toEqual([
      ['in-code', 'code', '0 2 * * *'],
      ['in-code-too', 'code', null],
    ]);
    await expect(service.put('in-code', { job: 'tick', every: '1s' })).rejects.toMatchObject({
      code: 'schedule_in_code',
    });
    await expect(service.remove('in-code')).rejects.toMatchObject({ code: 'schedule_in_code' });
    await service.setPaused('in-code', true);
    await scene.stopAll();
    const again = await scene.scheduler(ScheduledHandler);
    expect(await again.get('in-code')).toMatchObject({ paused: true });
  });

  it('that nobody has in his code any more is orphaned, does not fire, and may be removed', async () => {
    await scene.scheduler(ScheduledHandler);
    await scene.stopAll();
    await scene.silent('in-code-too', 3 * 60_000);
    const service = await scene.scheduler(RareHandler);
    await scene.runAhead('rare', async () => (await service.get('in-code-too')).orphaned);
    const before = await scene.fired('in-code-too');
    await service.put('other', { job: 'tick', every: '1s' });
    await eventually(async () => (await scene.fired('other')).length > 1);
    expect(await scene.fired('in-code-too')).toEqual(before);
    await service.remove('in-code-too');
    // The control: who has it in his code fires it.
    await scene.stopAll();
    await scene.scheduler(ScheduledHandler);
    await eventually(async () => (await scene.fired('in-code-too')).length > 0);
  });

  it('is not orphaned by the first of two deployments to boot after neither ran, and what it missed is made up for', async () => {
    await scene.scheduler(ScheduledHandler);
    await scene.stopAll();
    await scene.missed('in-code', 24 * 3_600_000);
    await scene.silent('in-code', 10 * 60_000);
    const service = await scene.scheduler();
    await service.put('other', { job: 'tick', every: '1s' });
    await eventually(async () => (await scene.fired('other')).length > 0);
    expect(await service.get('in-code')).toMatchObject({ orphaned: false });
    await scene.scheduler(ScheduledHandler);
    await eventually(async () => (await scene.fired('in-code')).length === 1);
  });

  it('makes up for what it missed while it was orphaned', async () => {
    await scene.scheduler(ScheduledHandler);
    await scene.stopAll();
    await scene.missed('in-code', 24 * 3_600_000);
    await scene.database.query('UPDATE schedule SET orphaned_at = now()');
    await scene.scheduler(ScheduledHandler);
    await eventually(async () => (await scene.fired('in-code')).length === 1);
  });

  it('goes on in the steps of its interval when it is back in the code', async () => {
    @Scheduled({ name: 'daily', every: '1d' })
    @JobHandler(Tick)
    class DailyHandler extends TickHandler {}
    await scene.scheduler(DailyHandler);
    await scene.stopAll();
    const nextAt = await scene.madeAgo('daily', 8 * 3_600_000);
    await scene.database.query('UPDATE schedule SET orphaned_at = now()');
    const service = await scene.scheduler(DailyHandler);
    expect(await service.get('daily')).toMatchObject({ orphaned: false, nextFireAt: nextAt.toISOString() });
  });

  it('is fired by nobody who does not have it in his code, as while versions change', async () => {
    await scene.scheduler(ScheduledHandler);
    await scene.stopAll();
    const service = await scene.scheduler();
    await scene.database.query(
      `UPDATE schedule SET next_fire_at = next_fire_at - interval '1 day' WHERE name = 'in-code'`,
    );
    await service.put('other', { job: 'tick', every: '1s' });
    await eventually(async () => (await scene.fired('other')).length > 0);
    expect(await scene.fired('in-code')).toEqual([]);
  });

  it('that is wrong, or named twice, or stands on no handler, ends the boot with the reason', async () => {
    @Scheduled({ name: 'bad', cron: '0 0 31 2 *' })
    @JobHandler(Tick)
    class NeverHandler extends TickHandler {}
    await expect(scene.scheduler(NeverHandler)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(/@Scheduled "bad": .*cron .*never fires/) as string,
    });
    @Scheduled({ name: 'twice', every: '1s' })
    @Scheduled({ name: 'twice', every: '2s' })
    @JobHandler(Tick)
    class TwiceHandler extends TickHandler {}
    await expect(scene.scheduler(TwiceHandler)).rejects.toThrow(/two schedules are named "twice"/);
  });
});
