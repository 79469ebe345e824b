import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/index.js';
import { MAX_TICKET_IDS } from '../../src/modules/transport/index.js';
import { handlerOf } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const Task = defineJob({ name: 'task', payload: z.number() });

it.each([
  ['short', 0],
  ['longer than the rest of a ticket is held', 80],
])(
  'a ticket that names many more jobs than there are slots brings every one of them to run, once: jobs that are %s',
  async (_which, ms) => {
    const ran: number[] = [];
    const handler = handlerOf(Task, async (index) => {
      await pause(ms);
      ran.push(index);
    });
    // No look helps: it would hide a ticket that is never done.
    const app = await scene.start({
      handlers: [handler],
      config: { defaults: { concurrency: 2, pollInterval: '1h' } },
    });
    const take = app.transport.take.bind(app.transport);
    // As a server does, that has stored them so and cannot divide them.
    app.transport.take = (queue, lanes, _maxIds, signal) => take(queue, lanes, MAX_TICKET_IDS, signal);
    const items = Array.from({ length: 60 }, (_, payload) => ({ payload }));
    await app.jobs.enqueueMany(Task, items);
    await expect.poll(() => ran.length, { timeout: 20_000 }).toBe(60);
    await expect.poll(() => app.transport.stats.acked).toBe(60);
    expect(ran.toSorted((a, b) => a - b)).toEqual(items.map(({ payload }) => payload));
    if (ms > 0) expect(app.transport.stats.givenBack).toBeGreaterThan(0);
  },
);
