import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import { begun } from '../support/outbox.js';
import { ended, enqueue, enqueueBulk, readiness } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useRookeryScene } from '../support/rookery-scene.js';
import { Survival } from '../support/survival.js';
import { openTcpProxy } from '../support/tcp-proxy.js';

const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });

function start(env: Readonly<Record<string, string>> = {}): RookeryProcess {
  return scene.start(['--concurrency', '20'], { OUTBOX: outboxFile(), ...env });
}

function outboxFile(): string {
  return join(scene.scratch, 'outbox');
}

describe('a database server that goes away under load', () => {
  it('and is unreachable for a while: the process runs on, is not ready meanwhile, loses no job and records no outcome twice', async () => {
    const survival = new Survival(outboxFile());
    const database = await createTestDatabase();
    const { hostname, port } = new URL(database.url);
    const proxy = await openTcpProxy({ host: hostname, port: Number(port) });
    try {
      const url = new URL(database.url);
      url.port = String(proxy.port);
      const started = start({ DATABASE_URL: url.href });
      await readiness(started, true);
      const ids = await enqueueBulk(started, survival.mixture(150));
      for (let outage = 1; outage <= 2; outage++) {
        await survival.untilBegun(ids, 40 * outage);
        await proxy.cut();
        await readiness(started, false);
        // Only a restart would not help either.
        expect((await started.get('/health/live')).status).toBe(200);
        await proxy.restore();
        await readiness(started, true);
      }
      await survival.expectEachOutcomeOnce(started, ids, 0);
      // Nothing but the network failed: every claim was committed, so no run is begun twice.
      const runs = begun(await survival.outboxOf(ids));
      expect(new Set(runs).size).toBe(runs.length);
      expect(await started.stop()).toMatchObject({ code: 0 });
    } finally {
      await proxy.close();
      await database.drop();
    }
  });

  it('and crashes, the embedded one: it is started again, no job is lost and no outcome is recorded twice', async () => {
    const survival = new Survival(outboxFile());
    const started = start();
    await readiness(started, true);
    const ids = await enqueueBulk(started, survival.mixture(150));
    await survival.untilBegun(ids, 40);
    await scene.killPostgres();
    await started.line(/PostgreSQL is back/);
    await readiness(started, true);
    await survival.expectEachOutcomeOnce(started, ids, 0);
    expect(await started.stop()).toMatchObject({ code: 0 });
  });
});

describe('a handler that blocks the event loop for 8 s', () => {
  it('costs no job its run: the process keeps its lease and its jobs, answers afterwards, and nothing is recorded twice', async () => {
    const survival = new Survival(outboxFile());
    const started = start({ ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s' });
    const before = await survival.doneSoFar(started);
    const { body } = await started.get<{ workers: { id: string }[] }>('/worker');
    const beside = await enqueueBulk(
      started,
      Array.from({ length: 10 }, () => ({ name: 'work', payload: { ms: 2_000 } })),
    );
    await survival.untilBegun(beside, 10);
    const blocking = await enqueue(started, 'block', { ms: 8_000 });
    await survival.untilBegun([blocking], 1);
    expect((await started.get('/health/live')).status).toBe(200);
    expect((await started.get('/health/ready')).status).toBe(200);
    expect(await ended(started, blocking)).toMatchObject({ status: 'done', run: 1, history: [] });
    for (const job of await survival.expectEachOutcomeOnce(started, [...beside, blocking], before))
      expect(job.run).toBe(1);
    expect((await started.get('/worker')).body).toMatchObject({ workers: [{ id: body.workers[0]?.id }] });
  });
});
