import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { ended, enqueue, enqueueUntilRefused, expectAllKnown } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });
const env = { OUTBOX: '/dev/null' };

/** Resolves when the job no longer waits: on a busy machine a short run may be over before it is seen. */
function executing(started: RookeryProcess, id: string): Promise<JobView> {
  return eventually(async () => {
    const { body } = await started.get<JobView>(`/job/${id}`);
    return body.status === 'waiting' ? undefined : body;
  });
}

/** Presses Ctrl-C again and again, as an impatient user does, until the process has ended. */
async function hurry(started: RookeryProcess): Promise<void> {
  await eventually(
    () => {
      if (started.isRunning) started.signal('SIGINT');
      return !started.isRunning;
    },
    { everyMs: 100, withinMs: 30_000 },
  );
}

describe('SIGINT, SIGTERM and SIGHUP', () => {
  it('each let running jobs end, leave no process and exit with code 0', async () => {
    const ids: string[] = [];
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      const started = scene.start([], env);
      const id = await enqueue(started, 'work', { ms: 2_000 });
      await executing(started, id);
      started.signal(signal);
      const { code, output } = await started.ended;
      expect(code, output).toBe(0);
      expect(output).toMatch(new RegExp(`stopping: ${signal}[^]*stopped$`));
      await scene.nothingIsLeft();
      ids.push(id);
    }
    const last = scene.start([], env);
    for (const id of ids) {
      // One run: none was left for the next start.
      expect((await last.get(`/job/${id}`)).body).toMatchObject({ status: 'done', run: 1, attempt: 1 });
    }
  });
});

describe('a process that was told to stop', () => {
  it('takes no new connection while its jobs end, so that the next process may have the port', async () => {
    const first = scene.start([], env);
    const port = new URL(await first.ready()).port;
    const id = await enqueue(first, 'work', { ms: 20_000 });
    await executing(first, id);
    first.signal('SIGTERM');
    await first.line(/stopping: SIGTERM/);
    const second = scene.start(['--port', port], { ...env, ROOKERY_SHUTDOWN_GRACE: '0ms' });
    expect(await second.ready()).toBe(`http://127.0.0.1:${port}`);
    // The first goes on with its job.
    expect(first.isRunning).toBe(true);
    expect((await second.get(`/job/${id}`)).body).toMatchObject({ status: 'executing', run: 1 });
    // Canceled, so that no later start of this scene has the whole job to run, and to wait for, again.
    expect((await second.post(`/job/${id}/cancel`, {})).status).toBe(202);
    await hurry(first);
  });

  it('keeps every job that it acknowledged until the last moment', async () => {
    const first = scene.start([], env);
    const acknowledged = enqueueUntilRefused(first);
    await eventually(() => acknowledged.ids.length > 100, { withinMs: 60_000 });
    const began = performance.now();
    expect(await first.stop()).toMatchObject({ code: 0 });
    // Less than the grace: no run was left that did not end.
    expect(performance.now() - began).toBeLessThan(20_000);
    await acknowledged.ended;
    expect(acknowledged.refusals.filter((status) => status !== 503)).toEqual([]);
    const second = scene.start([], env);
    await expectAllKnown(second, acknowledged.ids);
  });
});

describe('a job that outlasts the grace', () => {
  it('is interrupted, costs no attempt and runs again after the next start', async () => {
    const first = scene.start([], { ...env, ROOKERY_SHUTDOWN_GRACE: '200ms' });
    const id = await enqueue(first, 'work', { ms: 3_000 });
    await executing(first, id);
    expect(await first.stop()).toMatchObject({ code: 0 });
    await scene.nothingIsLeft();

    const second = scene.start([], env);
    const job = await ended(second, id);
    expect(job).toMatchObject({ status: 'done', run: 2, attempt: 1 });
    expect(job.history).toMatchObject([{ run: 1, outcome: 'interrupted' }]);
  });

  it('is not waited for when the signal comes again: the process ends at once with exit code 1, and the database server with it', async () => {
    const first = scene.start([], env);
    const id = await enqueue(first, 'stubborn', {});
    await executing(first, id);
    const began = performance.now();
    first.signal('SIGINT');
    await first.line(/still running: 1 job\(s\), which have 25s to end/);
    await hurry(first);
    // The grace is 25 s.
    expect(performance.now() - began).toBeLessThan(20_000);
    const { code, output } = await first.ended;
    expect(code).toBe(1);
    expect(output).toMatch(/stopped at once: SIGINT again$/);
    await scene.nothingIsLeft();

    // The next start meets the job as it was left and gives it to its worker.
    const second = scene.start([], {
      ...env,
      ROOKERY_SHUTDOWN_GRACE: '0ms',
      ROOKERY_WORKER_TIMEOUT_GRACE: '0ms',
    });
    await eventually(async () => (await executing(second, id)).run === 2, { withinMs: 60_000 });
    // Canceled, so that it does not hold up the end of a later start as well.
    expect((await second.post(`/job/${id}/cancel`, {})).status).toBe(202);
  });
});

describe('output that nobody reads any more', () => {
  it.each([
    ['the server', ['dist/main.js']],
    ['rookery start', ['dist/cli/main.js', 'start']],
  ])('keeps no process from stopping in order: %s', async (_, [program = '', ...args]) => {
    const started = scene.run([process.execPath, join(scene.app, program), ...args], env);
    const id = await enqueue(started, 'work', { ms: 2_000 });
    await executing(started, id);
    started.stopReading();
    started.signal('SIGINT');
    expect(await started.ended).toMatchObject({ code: 0, signal: null });
    await scene.nothingIsLeft();
    const next = scene.start([], env);
    // One run: the stop waited for it.
    expect((await next.get(`/job/${id}`)).body).toMatchObject({ status: 'done', run: 1 });
  });
});

describe('an error that a handler throws where nobody can catch it', () => {
  it('ends the process with exit code 1 and leaves no database server; the attempt is charged, so that it cannot do so for ever', async () => {
    const first = scene.start([], env);
    const id = await enqueue(first, 'stray', {}, { maxAttempts: 1 });
    const { code, output } = await first.ended;
    expect(code).toBe(1);
    expect(output).toContain('out of a clear sky');
    expect(output).toMatch(/stopped at once: an error that nobody caught: out of a clear sky$/);
    await scene.nothingIsLeft();

    const second = scene.start([], env);
    expect(await ended(second, id)).toMatchObject({
      status: 'failed',
      attempt: 1,
      history: [{ run: 1, outcome: 'lost' }],
    });
  });
});
