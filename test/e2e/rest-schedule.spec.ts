import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCliHere } from '../support/cli-here.js';
import { eventually } from '../support/eventually.js';
import { SamplesApp, type Answer } from '../support/samples-app.js';

let scene: SamplesApp;

beforeAll(async () => {
  scene = await SamplesApp.boot();
});
afterAll(() => scene.close());

interface Schedule {
  readonly name: string;
  readonly paused: boolean;
  readonly nextFireAt: string | null;
  readonly fires: { readonly jobId: string; readonly fireAt: string; readonly manual: boolean }[];
  readonly code?: string;
  readonly detail?: string;
}

const put = (name: string, body: unknown): Promise<Answer<Schedule>> =>
  scene.send('PUT', `/schedule/${name}`, body);
const get = <Body = Schedule>(path: string): Promise<Answer<Body>> => scene.send('GET', `/schedule${path}`);
const payload = { param: 'x' };

describe('/schedule', () => {
  it('makes a schedule, whose fires come with their jobs', async () => {
    const { status, body } = await put('quick', { job: 'example:job', every: '1s', payload });
    expect([status, body.name, body.paused]).toEqual([201, 'quick', false]);
    const fires = await eventually(async () => {
      const { body: shown } = await get('/quick');
      return shown.fires.length > 0 && shown.fires;
    });
    const { body: job } = await scene.send<{ schedule: string; payload: unknown }>(
      'GET',
      `/job/${fires[0]?.jobId}`,
    );
    expect(job).toMatchObject({ schedule: 'quick', payload });
    expect((await scene.send('DELETE', '/schedule/quick')).status).toBe(204);
    expect((await get('/quick')).status).toBe(404);
  });

  it('previews fires with what changes of clocks do to them', async () => {
    const timing = { cron: '30 2 * * *', timeZone: 'Europe/Berlin', startAt: '2027-03-27T12:00:00Z' };
    expect((await put('night', { job: 'example:job', payload, ...timing })).status).toBe(201);
    const { body } = await get<{ fires: unknown[] }>('/night/preview?n=3');
    expect(body.fires).toEqual([
      {
        fireAt: '2027-03-28T01:00:00.000Z',
        local: '2027-03-28T03:00:00+02:00',
        note: 'its local time is skipped that day, as clocks go forward; fires at the end of the gap',
      },
      { fireAt: '2027-03-29T00:30:00.000Z', local: '2027-03-29T02:30:00+02:00' },
      { fireAt: '2027-03-30T00:30:00.000Z', local: '2027-03-30T02:30:00+02:00' },
    ]);
  });

  it('pauses, resumes and triggers one, and changes it in place', async () => {
    await put('slow', { job: 'example:job', cron: '0 0 1 1 *', payload });
    expect((await scene.send<Schedule>('POST', '/schedule/slow/pause')).body).toMatchObject({
      paused: true,
      nextFireAt: null,
    });
    expect((await put('slow', { job: 'example:job', cron: '0 1 1 1 *', payload })).body.paused).toBe(true);
    const { body } = await scene.send<Schedule>('POST', '/schedule/slow/resume');
    expect([body.paused, body.nextFireAt?.slice(4)]).toEqual([false, '-01-01T01:00:00.000Z']);
    const triggered = await scene.send<{ jobId: string }>('POST', '/schedule/slow/trigger');
    expect(triggered.status).toBe(201);
    expect((await get('/slow')).body.fires).toMatchObject([{ jobId: triggered.body.jobId, manual: true }]);
  });

  it.each([
    ['a cron that never fires', { cron: '0 0 31 2 *' }, 'invalid_request', /never fires/],
    [
      'a zone that does not exist',
      { cron: '0 2 * * *', timeZone: 'Mars' },
      'invalid_request',
      /"Mars" is no time zone/,
    ],
    ['an interval of 0', { every: '0s' }, 'invalid_request', /use 1s/],
    ['neither', {}, 'invalid_request', /exactly one/],
    ['a payload that does not fit', { every: '1h', payload: {} }, 'invalid_payload', /param/],
    ['a job nobody knows', { every: '1h', job: 'nothing' }, 'unknown_job_name', /known here/],
    ['an unknown field', { every: '1h', crom: '' }, 'invalid_request', /did you mean cron/],
    ['a time without a zone', { every: '1h', startAt: '2030-01-01T00:00:00' }, 'invalid_request', /zone/],
  ])('refuses %s', async (_, fields, code, reason) => {
    const answer = await put('bad', { job: 'example:job', payload, ...fields });
    expect([answer.status, answer.body.code]).toEqual([400, code]);
    expect(answer.body.detail).toMatch(reason);
    expect((await get('/bad')).body.code).toBe('no_such_schedule');
  });

  it('refuses a name that is none, and more previews than are sensible', async () => {
    expect((await put('a%20b', { job: 'example:job', every: '1h', payload })).body.code).toBe(
      'invalid_request',
    );
    await put('far', { job: 'example:job', every: '1h', payload });
    for (const n of ['0', '1001', 'x']) expect((await get(`/far/preview?n=${n}`)).status).toBe(400);
  });
});

describe('rookery schedules', () => {
  const rookery = (...args: string[]) => runCliHere(scene.url, ['schedules', ...args]);

  it('sets, lists, shows, previews, pauses, triggers and deletes one', async () => {
    const set = await rookery(
      'set',
      'cli',
      '--job',
      'example:job',
      '--cron',
      '0 2 * * *',
      '--time-zone',
      'Europe/Berlin',
      '{"param":"y"}',
    );
    expect([set.code, set.stderr]).toEqual([0, '']);
    expect(set.stdout).toMatch(/^made cli; it fires next at \d{4}-/);
    expect((await rookery()).stdout).toMatch(/cli +fires +0 2 \* \* \* \(Europe\/Berlin\) +example:job/);
    expect((await rookery('preview', 'cli', '-n', '400')).stdout).toContain('clocks have gone');
    expect((await rookery('pause', 'cli')).stdout).toBe('cli is paused\n');
    expect((await rookery('resume', 'cli')).stdout).toBe('cli fires again\n');
    expect((await rookery('trigger', 'cli')).stdout).toMatch(/^enqueued [0-9a-f-]{36}\n$/);
    expect((await rookery('show', 'cli')).stdout).toContain('by hand');
    const every = await rookery(
      'set',
      'cli',
      '--job',
      'example:job',
      '--every',
      '1h',
      '--catch-up',
      '3',
      '--json',
      '{"param":"y"}',
    );
    expect(JSON.parse(every.stdout)).toMatchObject({ everyMs: 3_600_000, catchUp: { all: 3 } });
    expect((await rookery('delete', 'cli')).stdout).toBe('cli is removed\n');
    expect((await rookery('show', 'cli')).code).toBe(4);
  });

  it('tells what is wrong with one, and exits 1', async () => {
    const run = await rookery('set', 'bad', '--job', 'example:job', '--cron', '61 * * * *', '{"param":"y"}');
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('minute "61"');
  });
});
