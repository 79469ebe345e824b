import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { begun } from '../support/outbox.js';
import { ended, enqueue, enqueueBulk, enqueueUntilRefused, expectAllKnown } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useRookeryScene } from '../support/rookery-scene.js';
import { Survival } from '../support/survival.js';

const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });

/** Long enough that no job of a dead worker comes back by waiting for it within a test. */
const NEVER_BY_WAITING = '10m';

function start(): RookeryProcess {
  return scene.start(['--concurrency', '20'], {
    OUTBOX: outboxFile(),
    ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: NEVER_BY_WAITING,
  });
}

function outboxFile(): string {
  return join(scene.scratch, 'outbox');
}

function survival(): Survival {
  return new Survival(outboxFile());
}

describe('kill -9 of the process', () => {
  it('loses no job that waits, runs or backs off, five times over: each ends after the next start, every outcome recorded once', async () => {
    const ids: string[] = [];
    for (let round = 1; round <= 5; round++) {
      const started = start();
      const fresh = await enqueueBulk(started, survival().mixture(70));
      ids.push(...fresh);
      await survival().untilBegun(fresh, 20);
      await started.kill();
    }
    const last = start();
    const jobs = await survival().expectEachOutcomeOnce(last, ids, 0);
    // The control: runs were cut, and others were backing off.
    const outcomes = jobs.flatMap(({ history }) => history.map(({ outcome }) => outcome));
    expect(outcomes).toContain('lost');
    expect(outcomes).toContain('failed');
    // A claim outlives the process that made it, so no run is ever begun twice.
    const runs = begun(await survival().outboxOf(ids));
    expect(new Set(runs).size).toBe(runs.length);
  });

  it('gives a running job to the next process at once: a worker whose process is gone from this machine need not be waited for', async () => {
    const first = start();
    const id = await enqueue(first, 'work', { ms: 1_000 });
    await survival().untilBegun([id], 1);
    await first.kill();
    const second = start();
    await second.ready();
    const began = performance.now();
    expect(await ended(second, id)).toMatchObject({
      status: 'done',
      run: 2,
      history: [{ run: 1, outcome: 'lost' }],
    });
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});

describe('kill -9 of the process and of its database server', () => {
  it('loses no job either, and records no outcome twice', async () => {
    const first = start();
    const before = await survival().doneSoFar(first);
    const ids = await enqueueBulk(first, survival().mixture(120));
    await survival().untilBegun(ids, 60);
    await Promise.all([first.kill(), scene.killPostgres()]);
    await scene.nothingIsLeft();
    await survival().expectEachOutcomeOnce(start(), ids, before);
  });

  it('keeps every job that was acknowledged', async () => {
    const first = start();
    const acknowledged = enqueueUntilRefused(first);
    await eventually(() => acknowledged.ids.length > 100, { withinMs: 60_000 });
    await Promise.all([first.kill(), scene.killPostgres()]);
    await acknowledged.ended;
    await scene.nothingIsLeft();
    await expectAllKnown(start(), acknowledged.ids);
  });
});

describe('a job that kills its process every time', () => {
  it('ends failed once its attempts are used up, each of them in its history as lost', async () => {
    let started = start();
    const id = await enqueue(started, 'crash', {}, { maxAttempts: 3 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(await started.ended).toMatchObject({ signal: 'SIGKILL' });
      started = start();
    }
    const job = await ended(started, id);
    expect(job).toMatchObject({ status: 'failed', attempt: 3, run: 3 });
    expect(job.history.map(({ run, attempt, outcome }) => ({ run, attempt, outcome }))).toEqual([
      { run: 1, attempt: 1, outcome: 'lost' },
      { run: 2, attempt: 2, outcome: 'lost' },
      { run: 3, attempt: 3, outcome: 'lost' },
    ]);
    expect(begun(await survival().outboxOf([id]))).toEqual([`${id}/1`, `${id}/2`, `${id}/3`]);
  });
});
