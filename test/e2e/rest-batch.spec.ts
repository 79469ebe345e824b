import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCliHere } from '../support/cli-here.js';
import { eventually } from '../support/eventually.js';
import { SamplesApp, type Answer } from '../support/samples-app.js';

let scene: SamplesApp;

beforeAll(async () => {
  scene = await SamplesApp.boot({ samples: { httpRequest: { allowPrivateAddresses: true } } });
});
afterAll(() => scene.close());

interface Batch {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly code?: string;
  readonly detail?: string;
}

const post = (path: string, body?: unknown): Promise<Answer<Batch & { ids?: string[] }>> =>
  scene.send('POST', path, body);
const params = (count: number) => Array.from({ length: count }, (_, n) => ({ param: `${n}` }));
const complete = (id: string): Promise<Batch> =>
  eventually(async () => {
    const { body } = await scene.send<Batch>('GET', `/batch/${id}`);
    return body.status === 'complete' && body;
  });

describe('POST /batch', () => {
  it('makes a sealed batch of its items, which completes by itself', async () => {
    const { status, body } = await post('/batch', { name: 'example:job', items: params(3), key: 'of three' });
    expect([status, body.status, body.total]).toEqual([201, 'running', 3]);
    expect(await complete(body.id)).toMatchObject({ done: 3, failed: 0 });
    const again = await post('/batch', { name: 'example:job', items: params(3), key: 'of three' });
    expect([again.status, again.body.id, again.body.total]).toEqual([200, body.id, 3]);
  });

  it('makes an open one without items; it takes jobs until it is sealed, and 409 after', async () => {
    const { body: batch } = await post('/batch', { name: 'example:job' });
    expect(batch.status).toBe('open');
    const added = await post(`/batch/${batch.id}/jobs`, {
      items: params(1),
      jobs: [{ payload: { param: 'x' }, objectId: 'x' }],
    });
    expect([added.status, added.body.ids?.length]).toEqual([201, 2]);
    const job = { name: 'example:job', payload: { param: 'x' }, objectId: 'x', batchId: batch.id };
    expect(await post('/job', job)).toMatchObject({ status: 200, body: { id: added.body.ids?.[1] } });
    expect((await post(`/batch/${batch.id}/seal`)).status).toBe(200);
    expect(await complete(batch.id)).toMatchObject({ total: 2, done: 2 });
    expect((await post(`/batch/${batch.id}/seal`)).status).toBe(200);
    const late = await post(`/batch/${batch.id}/jobs`, { items: params(1) });
    expect([late.status, late.body.code]).toEqual([409, 'batch_sealed']);
    const { body } = await scene.send<{ jobs: { batchId: string }[] }>('GET', `/job/all?batchId=${batch.id}`);
    expect(body.jobs.map(({ batchId }) => batchId)).toEqual([batch.id, batch.id]);
  });

  it.each([
    [{ name: 'nothing' }, 400, 'unknown_job_name'],
    [{ name: 'example:job', items: [{ param: 1 }] }, 400, 'invalid_payload'],
    [{ name: 'example:job', deadline: '2020-01-01T00:00:00Z' }, 400, 'invalid_request'],
    [{ name: 'example:job', deadline: '0s' }, 400, 'invalid_request'],
    [{ name: 'example:job', key: '' }, 400, 'invalid_request'],
    [{ name: 'example:job', itmes: [] }, 400, 'invalid_request'],
    [{ name: 'example:job', onComplete: { name: 'example:job' } }, 400, 'invalid_payload'],
    [{ items: [] }, 400, 'invalid_request'],
  ])('refuses %j with %i %s', async (request, status, code) => {
    const answer = await post('/batch', request);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });
});

describe('a batch', () => {
  it('that does not exist is 404, and an id that is none 400', async () => {
    const nobody = '01900000-0000-7000-8000-000000000000';
    for (const [path, method] of [
      ['', 'GET'],
      ['/jobs', 'GET'],
      ['/seal', 'POST'],
      ['/cancel', 'POST'],
    ] as const) {
      expect((await scene.send<Batch>(method, `/batch/${nobody}${path}`)).body.code).toBe('no_such_batch');
      expect((await scene.send<Batch>(method, `/batch/none${path}`)).body.code).toBe('invalid_id');
    }
  });

  it('that is canceled cancels what waits, and cannot be canceled again once that is over', async () => {
    const { body: batch } = await post('/batch', { name: 'object', open: true });
    await post('/queue/objects/pause');
    await post(`/batch/${batch.id}/jobs`, { items: [{ object_id: 'never' }] });
    expect(await post(`/batch/${batch.id}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'canceled' },
    });
    await post('/queue/objects/resume');
    expect(await post(`/batch/${batch.id}/cancel`)).toMatchObject({
      status: 409,
      body: { code: 'already_finished' },
    });
  });

  it('is listed, newest first, by status and page by page', async () => {
    const made = [
      await post('/batch', { name: 'example:job' }),
      await post('/batch', { name: 'example:job' }),
    ];
    const page = await scene.send<{ batches: Batch[]; next: string }>('GET', '/batch?status=open&limit=1');
    expect(page.body.batches.map(({ id }) => id)).toEqual([made[1]?.body.id]);
    const next = await scene.send<{ batches: Batch[] }>(
      'GET',
      `/batch?status=open&limit=1&cursor=${page.body.next}`,
    );
    expect(next.body.batches.map(({ id }) => id)).toEqual([made[0]?.body.id]);
    expect((await scene.send('GET', '/batch?status=ended')).status).toBe(400);
  });
});

describe('rookery batches', () => {
  const rookery = (...args: string[]) => runCliHere(scene.url, ['batches', ...args]);
  const idIn = (text: string): string => /[0-9a-f-]{36}/.exec(text)?.[0] ?? '';

  it('makes one, waits for its end and lists its members', async () => {
    const made = await rookery('create', '--name', 'example:job', '[{"param":"a"},{"param":"b"}]', '--wait');
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toMatch(/members +2: 2 done, 0 failed, 0 canceled/);
    const members = await rookery('jobs', idIn(made.stdout));
    expect(members.stdout.match(/example:job/g)).toHaveLength(2);
    expect((await rookery()).stdout).toContain(idIn(made.stdout));
  });

  it('lists as many members as --limit says, in front of the command or behind it', async () => {
    const items = JSON.stringify([{ param: 'a' }, { param: 'b' }, { param: 'c' }]);
    const id = idIn((await rookery('create', '--name', 'example:job', items)).stdout);
    for (const args of [
      ['jobs', id, '--limit', '2'],
      ['--limit', '2', 'jobs', id],
    ]) {
      const page = await rookery(...args);
      expect(page.stdout.match(/example:job/g)).toHaveLength(2);
      expect(page.stderr).toMatch(/^more: add --cursor/);
    }
  });

  it('fills, seals and cancels one', async () => {
    const id = idIn((await rookery('create', '--name', 'example:job')).stdout);
    expect((await rookery('add', id, '[{"param":"c"}]')).stdout).toBe('added 1 jobs\n');
    expect((await rookery('seal', id)).stdout).toMatch(/status +(running|complete)/);
    const other = idIn((await rookery('create', '--name', 'example:job')).stdout);
    expect((await rookery('cancel', other, '--json')).stdout).toContain('"status":"canceled"');
  });

  it('exits 5 when a member failed, tells which and why, and 6 when the time is over', async () => {
    const url = `${scene.url}/nothing/here`;
    const failed = await rookery('create', '--name', 'http:request', JSON.stringify([{ url }]), '--wait');
    expect(failed.code).toBe(5);
    const members = await rookery('jobs', idIn(failed.stdout), '--status', 'failed');
    expect(members.stdout).toContain('404');
    const open = await rookery('create', '--name', 'example:job', '--wait=10ms');
    expect(open.code).toBe(6);
    expect((await rookery('show', idIn(open.stdout), '--wait', '10')).code).toBe(6);
  });
});
