import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { enqueue, ended } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene();
let job: RookeryProcess;

beforeAll(async () => {
  job = scene.start('job');
  await job.ready();
}, 120_000);

interface BatchAnswer {
  readonly id: string;
  readonly status: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

const napBatch = async (ms: number, count: number, options: object = {}): Promise<string> => {
  const items = Array.from({ length: count }, () => ({ ms }));
  const { status, body } = await job.post<BatchAnswer>('/batch', { name: 'nap', items, ...options });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
};
const batchOf = async (id: string): Promise<BatchAnswer> => (await job.get<BatchAnswer>(`/batch/${id}`)).body;

/** Sessions of the program's, and its connections to NATS. */
async function connections(): Promise<{ readonly postgres: number; readonly nats: number }> {
  const [row] = await scene.database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  return { postgres: row?.count ?? Number.NaN, nats: await scene.nats.connectionCount() };
}

async function workersListed(): Promise<{ id: string; pid: number; draining: boolean }[]> {
  const { body } = await job.get<{ workers: { id: string; pid: number; draining: boolean }[] }>('/worker');
  return body.workers;
}

describe('a worker with --until-fin', () => {
  it('finishes its batch, ends with exit code 0 and leaves no connection; one with a key waits for that batch alone', async () => {
    // What the API holds by itself; its idle sessions are closed after a while.
    const before = await connections();
    const any = scene.start('worker', ['--until-fin']);
    const keyed = scene.start('worker', ['--until-fin=tonight']);
    await Promise.all([any.ready(), keyed.ready()]);
    const during = await connections();
    expect(during.nats).toBe(before.nats + 2);
    const id = await napBatch(20, 40);
    expect(await any.ended).toMatchObject({ code: 0 });
    expect(await batchOf(id)).toMatchObject({ status: 'complete', done: 40 });
    expect(any.output).toContain('the batch is complete');
    // The control: another batch does not end the one that waits for a key.
    expect(keyed.isRunning).toBe(true);
    const late = await napBatch(20, 5, { key: 'tonight' });
    expect(await keyed.ended).toMatchObject({ code: 0 });
    expect(await batchOf(late)).toMatchObject({ status: 'complete', done: 5 });
    await eventually(async () => {
      const after = await connections();
      return after.nats === before.nats && after.postgres <= before.postgres;
    });
  });

  it('that starts when its batch is complete ends at once', async () => {
    const late = scene.start('worker', ['--until-fin=tonight']);
    expect(await late.ended).toMatchObject({ code: 0 });
    expect(late.output).toContain('batch tonight is complete');
  });

  it('answers for a member that fails, and ends all the same: nothing loops', async () => {
    const worker = scene.start('worker', ['--until-fin']);
    await worker.ready();
    const { body } = await job.post<BatchAnswer>('/batch', {
      name: 'nap',
      items: [{ ms: 1 }],
      open: true,
    });
    await enqueue(job, 'nap', { ms: 600_000 }, { batchId: body.id, timeout: '50ms', maxAttempts: 1 });
    await job.post(`/batch/${body.id}/seal`, {});
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(await batchOf(body.id)).toMatchObject({ status: 'complete', done: 1, failed: 1 });
  });
});

describe('--idle-timeout', () => {
  it('ends a worker and a scheduler that have had nothing to do, but none that is at work', async () => {
    // There before the worker is, which takes it as soon as it can.
    const id = await enqueue(job, 'nap', { ms: 5_000 });
    const scheduler = scene.start('scheduler', ['--idle-timeout', '1s']);
    const worker = scene.start('worker', ['--idle-timeout', '2s']);
    await eventually(
      async () => (await job.get<{ status: string }>(`/job/${id}`)).body.status === 'executing',
      { withinMs: 60_000 },
    );
    expect(await scheduler.ended).toMatchObject({ code: 0 });
    expect(worker.isRunning).toBe(true);
    expect(await ended(job, id)).toMatchObject({ status: 'done', run: 1 });
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(worker.output).toContain('nothing to do for 2s');
  });

  it('is refused for a process that answers for jobs, with the reason', async () => {
    const refused = scene.start('all', ['--idle-timeout', '1s']);
    expect(await refused.ended).toMatchObject({ code: 2 });
    expect(refused.output).toContain(
      '--idle-timeout ends a worker or a scheduler when its work is done, but all answers',
    );
  });
});

describe('POST /worker/:id/drain', () => {
  it('lets the worker finish its job, take no other, and end with exit code 0', async () => {
    const worker = scene.start('worker');
    await worker.ready();
    const running = await enqueue(job, 'nap', { ms: 1_500 });
    await eventually(
      async () => (await job.get<{ status: string }>(`/job/${running}`)).body.status === 'executing',
    );
    const [listed] = await workersListed();
    const id = listed?.id ?? '';
    expect(await job.post(`/worker/${id}/drain`, {})).toMatchObject({
      status: 202,
      body: { id, draining: true },
    });
    expect((await job.post(`/worker/${id}/drain`, {})).status).toBe(202);
    expect(await workersListed()).toMatchObject([{ id, draining: true }]);
    const left = await enqueue(job, 'nap', { ms: 0 });
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect((await job.get(`/job/${running}`)).body).toMatchObject({ status: 'done', run: 1 });
    expect((await job.get(`/job/${left}`)).body).toMatchObject({ status: 'waiting', run: 0 });
    expect(await job.post(`/worker/${id}/drain`, {})).toMatchObject({
      status: 404,
      body: { code: 'no_such_worker' },
    });
  });

  it('leaves a process that answers for jobs running, drained', async () => {
    const whole = scene.start('all');
    await whole.ready();
    // The job that nobody took is its first.
    await eventually(async () => (await job.get<{ waiting: number }>('/status')).body.waiting === 0);
    const [listed] = await workersListed();
    await job.post(`/worker/${listed?.id ?? ''}/drain`, {});
    await whole.line(/is drained/);
    const { body } = await whole.get<{ parts: Record<string, { detail: string }> }>('/health/ready');
    expect(body.parts['worker']?.detail).toContain('takes no more jobs');
    const { body: totals } = await whole.get<{ unservedTypes: { name: string }[] }>('/status');
    expect(totals.unservedTypes.map(({ name }) => name)).toContain('nap');
    expect(await whole.stop()).toMatchObject({ code: 0 });
  });
});
