import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ended, enqueue } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene({ jobs: 'workload' });
const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s' };
let still: RookeryProcess;

const holds = (one: RookeryProcess): Promise<true> =>
  eventually(() => one.output.includes('holds the duties partition keeper'), { withinMs: 60_000 });

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
  still.signal('SIGSTOP');
  await holds(other);
  // What the rescuer does is done again: a worker that is gone loses its job to the next.
  const id = await enqueue(other, 'work', { ms: 2_000 });
  await eventually(async () => (await scene.outbox()).some((line) => line.id === id));
  await first.kill();
  scene.start('worker', [], settings);
  expect(await ended(other, id)).toMatchObject({ status: 'done', run: 2, history: [{ outcome: 'lost' }] });
  still.signal('SIGCONT');
  await eventually(() => still.output.includes('idle-session timeout'));
});
