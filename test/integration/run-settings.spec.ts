import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobContext } from '../../src/modules/job/index.js';
import { gate, handlerOf, untilAborted } from '../support/handlers.js';
import { rookeryScene, type AppOptions } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({ name: 'task', payload: z.object({}), maxAttempts: 1 });

const settings = (value: object) =>
  scene.query(`UPDATE queue SET settings = $1::jsonb WHERE name = 'task'`, [JSON.stringify(value)]);

const slotsTold = async () => {
  const rows = await scene.query<{ slots: { queues: { task: { concurrency: number } } } }>(
    'SELECT slots FROM worker WHERE stopped_at IS NULL',
  );
  return rows.map(({ slots }) => slots.queues.task.concurrency);
};

async function start(handle: (ctx: JobContext) => unknown, options: AppOptions = {}) {
  const app = await scene.start({ ...options, handlers: [handlerOf(Task, (_, ctx) => handle(ctx))] });
  return { ...app, enqueue: async () => (await app.jobs.enqueue(Task, {})).id };
}

/** A handler whose jobs stay until they are let go. */
function crowd() {
  const started: string[] = [];
  const ends = gate();
  const handle = async ({ id }: JobContext) => {
    started.push(id);
    await ends.opened;
  };
  return { started, ends, handle };
}

describe('the settings of a queue', () => {
  it('let more jobs run at once from the signal on, as the worker then tells', async () => {
    const { started, ends, handle } = crowd();
    const { enqueue, transport } = await start(handle, { config: { defaults: { concurrency: 1 } } });
    const ids = [await enqueue(), await enqueue(), await enqueue()];
    await expect.poll(() => started.length).toBe(1);
    await settings({ concurrency: 2 });
    transport.broadcast({ kind: 'settings', queue: 'task' });
    await expect.poll(() => started.length).toBe(2);
    await expect.poll(slotsTold).toEqual([2]);
    ends.open();
    for (const id of ids) await scene.reaches(id, 'done');
  });

  it('let no more start while as many run as a smaller number allows', async () => {
    const { started, ends, handle } = crowd();
    const { enqueue, beat } = await start(handle, { config: { defaults: { concurrency: 2 } } });
    const ids = [await enqueue(), await enqueue(), await enqueue()];
    await expect.poll(() => started.length).toBe(2);
    await settings({ concurrency: 1 });
    await beat();
    expect(scene.log.some((line) => line.includes('concurrency 1 instead of 2'))).toBe(true);
    ends.open();
    for (const id of ids) await scene.reaches(id, 'done');
    await beat();
    expect(await slotsTold()).toEqual([1]);
  });

  it('are known to a worker from its boot, and taken back they leave it as it was configured', async () => {
    await (await start(() => undefined)).jobs.enqueue(Task, {});
    await settings({ concurrency: 7, retryConcurrency: 3, timeoutMs: 0 });
    const { beat } = await start(() => undefined, { config: { defaults: { concurrency: 2 } } });
    await beat();
    expect(await slotsTold()).toContain(7);
    await settings({});
    await beat();
    await beat();
    expect(await slotsTold()).toContain(2);
  });

  it('bound a run, unless its job or its type says', async () => {
    const { enqueue, beat, jobs } = await start(untilAborted);
    await settings({ timeoutMs: 50 });
    await beat();
    expect((await scene.reaches(await enqueue(), 'failed')).history[0]).toMatchObject({
      error: { message: expect.stringContaining('50ms') as string },
    });
    const own = await jobs.enqueue(Task, {}, { timeout: '20ms' });
    expect((await scene.reaches(own.id, 'failed')).history[0]).toMatchObject({
      error: { message: expect.stringContaining('20ms') as string },
    });
  });
});
