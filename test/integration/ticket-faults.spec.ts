import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/modules/job/index.js';
import { handlerOf } from '../support/handlers.js';
import { breachesOf, inWords } from '../support/invariants.js';
import { rookeryScene, type SpyTransport } from '../support/rookery-app.js';
import { randomFrom } from '../support/storm-plan.js';

const JOBS = 300;
const SEEDS = [1, 2, 3];

const scene = rookeryScene();
const Task = defineJob({
  name: 'task',
  payload: z.object({ fails: z.boolean() }),
  maxAttempts: 20,
  backoff: { initial: '20ms', jitter: 'none' },
});

/** Drops some tickets, doubles some, holds some back and delivers them later in the wrong order, and brings old ones again. */
function faultyNetwork(seed: number): SpyTransport['distort'] {
  const random = randomFrom(seed);
  const delivered: (readonly string[])[] = [];
  let held: (readonly string[])[] = [];
  const any = (): readonly string[] => delivered[Math.floor(random() * delivered.length)] ?? [];
  return (ids) => {
    const chance = random();
    let arrived: (readonly string[])[] = [ids];
    if (chance < 0.2) arrived = [];
    else if (chance < 0.4) arrived = [ids, ids];
    else if (chance < 0.6) {
      held.push(ids);
      arrived = [];
    } else if (chance < 0.75) {
      arrived = [ids, ...held.toReversed()];
      held = [];
    } else if (chance < 0.9) arrived = [ids, any()];
    delivered.push(...arrived);
    return arrived.filter((ticket) => ticket.length > 0);
  };
}

describe('tickets that are dropped, doubled, reordered and replayed', () => {
  it.each(SEEDS)('cost no job and run none twice, seed %i', async (seed) => {
    const begun: string[] = [];
    const handler = handlerOf(Task, ({ fails }, ctx) => {
      begun.push(`${ctx.id} ${ctx.run}`);
      if (fails && ctx.attempt === 1) throw new Error('once');
    });
    const first = await scene.start({ handlers: [handler] });
    const second = await scene.start({ handlers: [handler] });
    first.transport.peers.add(second.transport);
    second.transport.peers.add(first.transport);
    first.transport.distort = faultyNetwork(seed);
    const ids: string[] = [];
    for (let n = 0; n < JOBS; n++) ids.push((await first.jobs.enqueue(Task, { fails: n % 5 === 0 })).id);
    for (const id of ids) await scene.reaches(id, 'done');
    expect(new Set(begun).size).toBe(begun.length);
    expect(begun).toHaveLength(JOBS + JOBS / 5);
    const told = ids.map((id) => ({ id }));
    expect(inWords(await breachesOf(scene.query, told, { isOver: true }))).toBe('');
    // The control: the network did all of that to them.
    const arrived = first.transport.stats.offered;
    expect(arrived).not.toBe(first.transport.offeredIds.length);
  });
});
