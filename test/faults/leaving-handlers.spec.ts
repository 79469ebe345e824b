import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { expectEach, expectUnbroken, nothingIsOpen } from '../support/fault-load.js';
import { enqueue, enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene({ jobs: 'workload' });
const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s', ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };
let job: RookeryProcess;
/** How the worker's processes ended, of their own doing. */
const ends: { readonly code: number | null; readonly signal: string | null; readonly output: string }[] = [];
let isOver = false;
let supervised: Promise<void>;

/** Starts a worker whenever the last has ended, as the machine's supervisor does. */
async function supervise(): Promise<void> {
  while (!isOver) {
    // Room for the program and little more, so that what leaks is at the end soon.
    const worker = scene.start('worker', [], { ...settings, NODE_OPTIONS: '--max-old-space-size=96' });
    const over = eventually(() => isOver, { withinMs: 240_000, everyMs: 50 });
    const end = await Promise.race([worker.ended, over]);
    if (end === true) await worker.stop();
    else ends.push(end);
  }
}

beforeAll(async () => {
  job = scene.start('job,scheduler', [], settings);
  await job.ready();
  supervised = supervise();
}, 120_000);
afterAll(async () => {
  isOver = true;
  await supervised;
});

const work = (ms: number, count: number): object[] =>
  Array.from({ length: count }, () => ({ name: 'work', payload: { ms }, maxAttempts: 20 }));

it('handlers that exit, are killed, leak, reject or throw where nobody hears it end failed by their attempts; their neighbours end done', async () => {
  const neighbours = [...(await enqueueBulk(job, work(200, 40)))];
  const leaving: string[] = [];
  for (const how of ['exit', 'reject', 'timer', 'leak'])
    leaving.push(await enqueue(job, 'leave', { how }, { maxAttempts: 1 }));
  leaving.push(await enqueue(job, 'stray', {}, { maxAttempts: 2 }));
  leaving.push(await enqueue(job, 'crash', {}, { maxAttempts: 1 }));
  neighbours.push(...(await enqueueBulk(job, work(50, 40))));
  await nothingIsOpen(scene.database.query, 200_000);
  neighbours.push(...(await enqueueBulk(job, work(5, 10))));
  await nothingIsOpen(scene.database.query);
  await expectEach(scene.database.query, leaving, 'failed');
  await expectEach(scene.database.query, neighbours, 'done');
  // The control: processes did die of it.
  expect(ends.length).toBeGreaterThan(1);
  expect(job.isRunning).toBe(true);
  await expectUnbroken(scene, [...neighbours, ...leaving]);
});
