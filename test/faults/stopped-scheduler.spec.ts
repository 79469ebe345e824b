import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ended, enqueue } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene({ jobs: 'workload' });
const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s' };
let still: RookeryProcess;

const holds = (one: RookeryProcess): Promise<unknown> => one.line(/holds the duties partition keeper/);

/** The server ends a session that has been silent for 15 s, and whoever holds nothing tries every 3 s; the rest is for a loaded machine. */
const REPLACED_WITHIN_MS = 20_000;

beforeAll(async () => {
  still = scene.start('scheduler', [], settings);
  await still.ready();
  await holds(still);
}, 120_000);
// A failed test leaves it standing, and it could not be asked to stop.
afterAll(() => still.signal('SIGCONT'));

it('a process that stands still gives its duties to others: the server ends the session that holds them', async () => {
  const other = scene.start('job,scheduler', [], settings);
  const first = scene.start('worker', [], settings);
  await Promise.all([other.ready(), first.ready()]);
  // The control: they were held by the one that asks.
  for (const { output } of [other, first]) expect(output).not.toContain('holds the duties');
  still.signal('SIGSTOP');
  const stoppedAt = performance.now();
  await holds(other);
  expect(performance.now() - stoppedAt).toBeLessThan(REPLACED_WITHIN_MS);
  // What the rescuer does is done again: a worker that is gone loses its job to the next.
  const id = await enqueue(other, 'work', { ms: 2_000 });
  await eventually(async () => (await scene.outbox()).some((line) => line.id === id));
  await first.kill();
  scene.start('worker', [], settings);
  expect(await ended(other, id)).toMatchObject({ status: 'done', run: 2, history: [{ outcome: 'lost' }] });
  still.signal('SIGCONT');
  await eventually(() => still.output.includes('idle-session timeout'));
});
