import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { expectEach, expectUnbroken, loadThrough, metricOf, type FaultLoad } from '../support/fault-load.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene, type ServiceScene } from '../support/service-scene.js';

const settings = { ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };

const taken = (worker: RookeryProcess): Promise<number> =>
  metricOf(worker, 'rookery_tickets_total', 'event="taken"');

/** Resolves when that worker takes tickets from the server again. */
async function ticketsFlow(worker: RookeryProcess): Promise<void> {
  const before = await taken(worker);
  await eventually(async () => (await taken(worker)) > before + 10, { withinMs: 30_000, everyMs: 100 });
}

/** Resolves when each job that was accepted until now is done, and that was some more. */
async function jobsGoOn(scene: ServiceScene, load: FaultLoad): Promise<void> {
  await load.more(100);
  const ids = [...load.ids];
  await eventually(
    async () => {
      await expectEach(scene.database.query, ids, 'done');
      return true;
    },
    { withinMs: 60_000, everyMs: 200 },
  );
}

describe('a NATS server that switches its JetStream off and keeps its connections', () => {
  const scene = useServiceScene({ jobs: 'workload' });
  let job: RookeryProcess;
  let worker: RookeryProcess;

  beforeAll(async () => {
    job = scene.start('job,scheduler');
    worker = scene.start('worker', [], settings);
    await Promise.all([job.ready(), worker.ready()]);
  }, 120_000);

  it('costs no job: they are found in the table meanwhile, and by tickets as soon as it is on again', async () => {
    const load = loadThrough(job);
    await ticketsFlow(worker);
    await scene.nats.switchJetStream(false);
    await Promise.all([job.line(/NATS is away/), worker.line(/NATS is away/)]);
    const before = await taken(worker);
    await jobsGoOn(scene, load);
    // The control: not by tickets.
    expect(await taken(worker)).toBe(before);
    await scene.nats.switchJetStream(true);
    await Promise.all([job.line(/NATS is back/), worker.line(/NATS is back/)]);
    await ticketsFlow(worker);
    await load.end();
    await expectUnbroken(scene, load.ids);
    await expectEach(scene.database.query, load.ids, 'done');
    // The control: it was not the connection that went.
    for (const { output } of [job, worker]) expect(output).not.toContain('the connection was lost');
  });
});
