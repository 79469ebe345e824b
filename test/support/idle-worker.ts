import { Metrics } from '../../src/kernel/metrics.js';
import type { JobType } from '../../src/modules/job/index.js';
import { eventually } from './eventually.js';
import type { AppOptions, RookeryApp, Scene } from './rookery-app.js';

/** A worker that has looked at all of its table, and waits for tickets. Jobs of `type`, with `n` below 0, are run to see that it does. */
export async function startIdle(scene: Scene, type: JobType, options: AppOptions): Promise<RookeryApp> {
  const app = await scene.start(options);
  await eventually(() => app.transport.isAwaited(type.queue, ['high', 'normal', 'low']));
  // The look of the boot clears the way: until then older jobs may wait in the table.
  await eventually(async () => {
    const before = app.transport.offers.length;
    const { id } = await app.jobs.enqueue(type, { n: -1 });
    await scene.reaches(id, 'done');
    return app.transport.offers.length === before;
  });
  return app;
}

/** How many jobs were asked for by claims so far, of which a job that is born claimed needs none. */
export async function claimedIn({ module }: RookeryApp): Promise<number> {
  const metric = module.get(Metrics).all.find(({ name }) => name === 'rookery_batch_items');
  const samples = (await metric?.read()) ?? [];
  return samples
    .filter(
      ({ metricName, labels }) => metricName?.endsWith('_sum') && labels['statement']?.includes('claim'),
    )
    .reduce((sum, { value }) => sum + value, 0);
}
