import { describe, expect, it } from 'vitest';
import { ended, enqueue } from '../support/process-api.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ hasSources: true });
const env = { ROOKERY_SAMPLES_ENABLED: 'true', ROOKERY_DEFAULTS_POLL_INTERVAL: '10m' };

describe('separate entries on one database', () => {
  it('each boot, tell their health and stop; what the job entry takes, a worker of its own runs from the table within seconds', async () => {
    const job = scene.start(['--entry', 'job'], env);
    const worker = scene.start(['--entry', 'worker'], env);
    const rest = scene.start(['--entry', 'scheduler,status'], env);
    const all = [job, worker, rest];
    await Promise.all(all.map((one) => one.ready()));
    expect(await scene.servers()).toHaveLength(1);
    for (const one of all) {
      expect((await one.get('/health/live')).status).toBe(200);
      expect((await one.get('/health/ready')).status).toBe(200);
      const metrics = await fetch(`${await one.ready()}/metrics`);
      expect([metrics.status, await metrics.text()]).toEqual([
        200,
        expect.stringContaining('rookery_database_up 1'),
      ]);
    }
    // Scheduler and worker have health and metrics alone.
    expect((await worker.get('/status')).status).toBe(404);
    expect((await rest.get('/status')).status).toBe(200);

    const began = performance.now();
    const id = await enqueue(job, 'example:job', { param: 'apart' });
    expect(await ended(rest, id)).toMatchObject({ status: 'done', result: { param: 'apart' } });
    // Without a transport the table is looked at each second, whatever the poll interval.
    expect(performance.now() - began).toBeLessThan(60_000);
    const { body } = await rest.get<{ workers: { pid: number; entry: string }[] }>('/worker');
    expect(body.workers).toMatchObject([{ pid: worker.pid, entry: 'worker' }]);

    for (const one of all) expect(await one.stop()).toMatchObject({ code: 0 });
    await scene.nothingIsLeft();
  });

  it('has no worker where the entry is job alone: the job waits', async () => {
    const job = scene.start(['--entry', 'job'], env);
    const id = await enqueue(job, 'example:job', { param: 'early' });
    expect((await job.get(`/job/${id}/status?wait=2s`)).body).toMatchObject({ status: 'waiting' });
    expect(await job.stop()).toMatchObject({ code: 0 });
    // A worker that comes later finds it.
    const both = scene.start(['--entry', 'job,worker'], { ...env, ROOKERY_LOG_FORMAT: 'json' });
    expect(await ended(both, id)).toMatchObject({ status: 'done' });
    expect(await both.stop()).toMatchObject({ code: 0 });
    const records = both.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.map(({ level, entry }) => `${String(level)} ${String(entry)}`)).toContain(
      'info job,worker',
    );
  });
});

describe('npx nest start --entry worker', () => {
  it('is a worker, although the Nest CLI takes --entry for itself', async () => {
    const started = scene.run(['npx', 'nest', 'start', '--entry', 'worker'], env, 'app');
    const url = await started.ready();
    expect(started.output).toContain(`ready: worker at ${url}`);
    expect((await started.get('/health/ready')).status).toBe(200);
    expect((await started.get('/status')).status).toBe(404);
    started.signalGroup('SIGINT');
    await scene.nothingIsLeft();
  });
});
