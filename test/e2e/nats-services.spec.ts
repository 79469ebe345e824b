import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { allJobs, ended, enqueue, enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { percentile, useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene();
let job: RookeryProcess;
let status: RookeryProcess;
let scheduler: RookeryProcess;
let workers: RookeryProcess[];

beforeAll(async () => {
  job = scene.start('job');
  // The first of them makes the schema's partitions; what the machine has to do at once is enough without that.
  await job.ready();
  status = scene.start('status');
  scheduler = scene.start('scheduler');
  workers = [scene.start('worker'), scene.start('worker'), scene.start('worker')];
  await Promise.all([status, scheduler, ...workers].map((started) => transportIs(started, 'NATS is there')));
}, 120_000);

interface HealthBody {
  readonly status: string;
  readonly parts: Readonly<Record<string, { readonly detail: string }>>;
}

async function transportIs(started: RookeryProcess, detail: string): Promise<void> {
  await eventually(
    async () => {
      const { body } = await started.get<HealthBody>('/health/ready');
      return body.status === 'up' && body.parts['transport']?.detail === detail;
    },
    { withinMs: 30_000 },
  );
}

/** The nap jobs of these ids once all are done. */
async function allDone(ids: readonly string[]): Promise<JobView[]> {
  const wanted = new Set(ids);
  await eventually(
    async () => {
      const { body } = await status.get<{ waiting: number; executing: number }>('/status');
      if (body.waiting + body.executing > 0) throw new Error(`still open: ${JSON.stringify(body)}`);
      return true;
    },
    { withinMs: 40_000, everyMs: 100 },
  );
  const jobs = (await allJobs(status)).filter(({ id }) => wanted.has(id));
  expect(jobs.length).toBe(ids.length);
  for (const { status: state, run } of jobs) expect({ state, run }).toEqual({ state: 'done', run: 1 });
  return jobs;
}

describe('job, status, scheduler and workers as processes of their own', () => {
  it('start a job in a worker within some hundredths of a second of its enqueue', async () => {
    const delays: number[] = [];
    for (let count = 0; count < 40; count++) {
      const askedAt = Date.now();
      const id = await enqueue(job, 'nap', { ms: 0 });
      const { result } = await ended(status, id);
      delays.push((result as { begunAt: number }).begunAt - askedAt);
    }
    expect(percentile(delays, 0.5), `ms ${delays.join(' ')}`).toBeLessThan(150);
    expect(percentile(delays, 0.9), `ms ${delays.join(' ')}`).toBeLessThan(500);
  });

  it('share 3,000 equal jobs evenly: each of three workers runs a third, ± 20 %', async () => {
    const ids = await enqueueBulk(
      job,
      Array.from({ length: 3_000 }, () => ({ name: 'nap', payload: { ms: 10 } })),
    );
    const jobs = await allDone(ids);
    const shares = new Map<string | null, number>();
    for (const { workerId } of jobs) shares.set(workerId, (shares.get(workerId) ?? 0) + 1);
    expect([...shares.values()], JSON.stringify([...shares])).toHaveLength(3);
    for (const share of shares.values()) {
      expect(share, JSON.stringify([...shares])).toBeGreaterThanOrEqual(800);
      expect(share, JSON.stringify([...shares])).toBeLessThanOrEqual(1_200);
    }
  });

  it('tell the running handler at once that its job was canceled, whichever process was asked', async () => {
    const ids = await enqueueBulk(
      job,
      Array.from({ length: 200 }, () => ({ name: 'hold', payload: {} })),
    );
    const noted = async (event: string): Promise<Map<string, number>> =>
      new Map((await scene.notes()).filter((note) => note.event === event).map(({ id, at }) => [id, at]));
    await eventually(async () => (await noted('begin')).size === ids.length, { withinMs: 20_000 });
    const askedAt = new Map<string, number>();
    for (const [index, id] of ids.entries()) {
      askedAt.set(id, Date.now());
      const answer = await (index % 2 === 0 ? job : status).post(`/job/${id}/cancel`, undefined);
      expect(answer.status).toBe(202);
    }
    await eventually(async () => (await noted('abort')).size === ids.length);
    const aborts = await noted('abort');
    const delays = ids.map((id) => (aborts.get(id) ?? Infinity) - (askedAt.get(id) ?? 0));
    expect(percentile(delays, 0.99), `ms ${delays.join(' ')}`).toBeLessThan(250);
    await eventually(async () => {
      const jobs = (await allJobs(status)).filter(({ name }) => name === 'hold');
      return jobs.every((one) => one.status === 'canceled');
    });
  });

  it('pause and resume a queue in every worker, whichever process was asked', async () => {
    expect((await status.post('/queue/nap/pause', undefined)).status).toBe(200);
    await Promise.all(workers.map((worker) => worker.line(/queue nap is paused/)));
    const ids = await Promise.all(Array.from({ length: 9 }, () => enqueue(job, 'nap', { ms: 0 })));
    const held = await enqueue(job, 'hold', {});
    // The control: what is not paused runs, and was enqueued later.
    await eventually(async () => (await scene.notes()).some(({ id }) => id === held));
    for (const id of ids)
      expect((await status.get(`/job/${id}/status`)).body).toEqual({ id, status: 'waiting' });
    await status.post(`/job/${held}/cancel`, undefined);
    const resumedAt = Date.now();
    expect((await job.post('/queue/nap/resume', undefined)).status).toBe(200);
    const [first] = await allDone(ids);
    expect((first?.result as { begunAt: number }).begunAt - resumedAt).toBeLessThan(1_000);
  });

  it('answer every request over NATS while one of two stops, and all it took on', async () => {
    const other = scene.start('job');
    await Promise.all([job, other].map((started) => started.line(/answers jobs\.create/)));
    const client = await connect({ servers: scene.nats.url });
    const replies: Promise<{ id?: string }>[] = [];
    const send = (): void => {
      const body = JSON.stringify({ name: 'nap', payload: { ms: 0 } });
      replies.push(
        client
          .request('jobs.create', body, { timeout: 20_000 })
          .then((reply) => reply.json<{ id?: string }>()),
      );
    };
    for (let round = 0; round < 100; round++) {
      for (let count = 0; count < 10; count++) send();
      if (round === 30) other.signal('SIGTERM');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const ids = (await Promise.all(replies)).map(({ id }) => id ?? 'none');
    expect(await other.ended).toMatchObject({ code: 0 });
    expect(new Set(ids).size).toBe(1_000);
    expect(ids).not.toContain('none');
    await client.close();
    await allDone(ids);
  });

  it('end as they are asked to, each with exit code 0', async () => {
    const all = [job, status, scheduler, ...workers];
    const ends = await Promise.all(all.map((started) => started.stop()));
    for (const { code, output } of ends) {
      expect(code).toBe(0);
      expect(output).not.toMatch(/ERROR|WARN/);
    }
  });
});
