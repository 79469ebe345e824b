import { describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { ended, enqueue } from '../support/process-api.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });
const env = { OUTBOX: '/dev/null' };

/** Resolves when the job runs. */
function executing(started: ReturnType<typeof scene.start>, id: string): Promise<JobView> {
  return eventually(async () => {
    const { body } = await started.get<JobView>(`/job/${id}`);
    return body.status === 'executing' ? body : undefined;
  });
}

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  it('lets running jobs end, leaves no process and exits with code 0', async () => {
    const first = scene.start([], env);
    const id = await enqueue(first, 'work', { ms: 1_500 });
    await executing(first, id);
    first.signal(signal);
    const { code, output } = await first.ended;
    expect(code, output).toBe(0);
    expect(output).toMatch(new RegExp(`stopping: ${signal}[^]*stopped$`));
    await scene.nothingIsLeft();

    const second = scene.start([], env);
    // Done before the second start, not by it.
    expect((await second.get(`/job/${id}`)).body).toMatchObject({ status: 'done', run: 1, attempt: 1 });
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
    // As an impatient user presses Ctrl-C.
    await eventually(
      () => {
        if (first.isRunning) first.signal('SIGINT');
        return !first.isRunning;
      },
      { everyMs: 100, withinMs: 15_000 },
    );
    // The grace is 25 s.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await first.ended).toMatchObject({ code: 1 });
    await scene.nothingIsLeft();

    // The next start meets the job as it was left and gives it to its worker.
    const second = scene.start([], {
      ...env,
      ROOKERY_SHUTDOWN_GRACE: '0ms',
      ROOKERY_WORKER_TIMEOUT_GRACE: '0ms',
    });
    await eventually(async () => (await executing(second, id)).run === 2, { withinMs: 20_000 });
  });
});
