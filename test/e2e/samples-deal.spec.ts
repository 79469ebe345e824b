import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DealsApi } from '../../src/samples/deal/deals-api.js';
import { gate } from '../support/handlers.js';
import { eventually } from '../support/eventually.js';
import { useRookeryScene } from '../support/rookery-scene.js';
import { SamplesApp } from '../support/samples-app.js';

interface Batch {
  readonly id: string;
  readonly key: string;
  readonly status: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly onCompleteJobId: string | null;
}

interface Job {
  readonly id: string;
  readonly status: string;
  readonly run: number;
  readonly objectId: string;
  readonly result: unknown;
  readonly history: { readonly error?: { readonly message: string } }[];
}

describe('the nightly deals', () => {
  let scene: SamplesApp;

  beforeAll(async () => {
    scene = await SamplesApp.boot({ samples: { deal: { slow: '10ms' } } });
  });
  afterAll(() => scene.close());

  it('are collected by the schedule, decided one by one, and reported with those that failed', async () => {
    const { body: triggered } = await scene.send<{ jobId: string }>(
      'POST',
      '/schedule/nightly-deals/trigger',
    );
    const batch = await eventually(async () => {
      const { body } = await scene.send<{ batches: Batch[] }>('GET', '/batch?status=complete');
      return body.batches[0];
    });
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    expect(batch).toMatchObject({ key: `deals-${yesterday}`, total: 60, done: 58, failed: 2 });
    const { body: collect } = await scene.send<Job>('GET', `/job/${triggered.jobId}`);
    expect(collect).toMatchObject({ status: 'done', result: { deals: 60, batchId: batch.id } });
    const { body: failed } = await scene.send<{ jobs: Job[] }>(
      'GET',
      `/batch/${batch.id}/jobs?status=failed`,
    );
    // Tried twice, as the type says, and no more.
    expect(failed.jobs.map(({ run, history }) => [run, history.at(-1)?.error?.message])).toEqual([
      [2, expect.stringContaining('answered 500')],
      [2, expect.stringContaining('answered 500')],
    ]);
    const report = await eventually(async () => {
      const { body } = await scene.send<Job>('GET', `/job/${batch.onCompleteJobId}`);
      return body.status === 'done' && body;
    });
    expect(report.result).toEqual({ summary: `${batch.key}: 58 of 60 deals decided, 2 failed, 0 canceled` });
  });

  it('are collected for any day by hand, and once a day', async () => {
    const collect = async (): Promise<Job> => {
      const request = { name: 'deals:collect', payload: { period: '2026-01-31' } };
      const { body } = await scene.send<Job>('POST', '/job', request);
      return eventually(async () => {
        const { body: job } = await scene.send<Job>('GET', `/job/${body.id}`);
        return job.status === 'done' && job;
      });
    };
    const [first, second] = [await collect(), await collect()];
    expect(second.result).toEqual(first.result);
    const { body } = await scene.send<{ batches: Batch[] }>('GET', '/batch?key=deals-2026-01-31');
    expect(body.batches).toMatchObject([{ total: 60 }]);
  });
});

describe('a collecting process that is killed in the middle of a page', () => {
  const scene = useRookeryScene();

  it('is made up for by the next: no deal is in the batch twice, none is missing, and it is sealed once', async () => {
    const api = new DealsApi({ dealsADay: 60, pageSize: 25, slowMs: 0 });
    const origin = await api.start();
    const reached = gate();
    let isHeld = true;
    // Page 2 is answered by nobody until the process that asked for it is dead.
    const proxy: Server = createServer((request, response) => {
      if (isHeld && request.url?.includes('page=2') === true) return reached.open();
      void fetch(`${origin}${request.url}`).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const env = {
      ROOKERY_SAMPLES_ENABLED: 'true',
      ROOKERY_SAMPLES_DEAL_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    };
    try {
      const first = scene.start([], env);
      await first.ready();
      const { body: job } = await first.post<Job>('/job', {
        name: 'deals:collect',
        payload: { period: '2026-02-28' },
      });
      await reached.opened;
      first.signal('SIGKILL');
      await first.ended;
      isHeld = false;
      const second = scene.start([], env);
      await second.ready();
      const batch = await eventually(
        async () => (await second.get<{ batches: Batch[] }>('/batch?status=complete')).body.batches[0],
        { withinMs: 60_000 },
      );
      expect(batch).toMatchObject({ key: 'deals-2026-02-28', total: 60, done: 58, failed: 2 });
      const { body: members } = await second.get<{ jobs: Job[] }>(`/batch/${batch.id}/jobs?limit=1000`);
      expect(new Set(members.jobs.map(({ objectId }) => objectId)).size).toBe(60);
      expect(members.jobs).toHaveLength(60);
      // That it was killed is charged.
      expect((await second.get<Job>(`/job/${job.id}`)).body).toMatchObject({ status: 'done', run: 2 });
      const { body: all } = await second.get<{ batches: Batch[] }>('/batch');
      expect(all.batches).toHaveLength(1);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
      await api.stop();
    }
  });
});
