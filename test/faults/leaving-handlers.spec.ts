import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { expectEach, expectUnbroken, nothingIsOpen } from '../support/fault-load.js';
import { enqueue, enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene({ jobs: 'workload' });
/** Jobs that go wrong, and how that ends their process; a promise that nobody waits for only costs the run its timeout. */
const WAYS = [
  { name: 'leave', payload: { how: 'exit' }, end: 'exit code 0' },
  { name: 'leave', payload: { how: 'timer' }, end: 'exit code 1' },
  { name: 'stray', payload: {}, end: 'exit code 1' },
  { name: 'crash', payload: {}, end: 'SIGKILL' },
  { name: 'leave', payload: { how: 'leak' }, end: 'SIGABRT' },
  { name: 'leave', payload: { how: 'reject' }, end: undefined },
] as const;

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

const endOf = ({ code, signal }: (typeof ends)[number]): string => signal ?? `exit code ${code}`;

const work = (ms: number, count: number): object[] =>
  Array.from({ length: count }, () => ({ name: 'work', payload: { ms }, maxAttempts: 20 }));

it('handlers that exit, are killed, leak, reject or throw where nobody hears it end failed by their attempts; their neighbours end done', async () => {
  const neighbours = [...(await enqueueBulk(job, work(200, 40)))];
  const leaving: string[] = [];
  // One after the other: an end takes whatever else runs in the process with it.
  for (const { name, payload, end } of WAYS) {
    const before = ends.length;
    leaving.push(await enqueue(job, name, payload, { maxAttempts: 1 }));
    neighbours.push(...(await enqueueBulk(job, work(50, 10))));
    await nothingIsOpen(scene.database.query);
    // The control: the process did end, and in this way.
    expect(ends.slice(before).map(endOf), JSON.stringify(payload)).toEqual(end === undefined ? [] : [end]);
  }
  neighbours.push(...(await enqueueBulk(job, work(5, 10))));
  await nothingIsOpen(scene.database.query);
  await expectEach(scene.database.query, leaving, 'failed');
  await expectEach(scene.database.query, neighbours, 'done');
  expect(job.isRunning).toBe(true);
  await expectUnbroken(scene, [...neighbours, ...leaving]);
});
