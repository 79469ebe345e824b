import type { Type as Class } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineJob, type Handler } from '../../src/modules/job/index.js';
import { NatsTransport, type NatsTransportOptions } from '../../src/modules/transport/nats/nats-transport.js';
import { TRANSPORT, type Lane, type Transport } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
import { handlerOf } from '../support/handlers.js';
import { breachesOf, inWords } from '../support/invariants.js';
import { openNatsServer, type NatsServer } from '../support/nats-server.js';
import { rookeryScene, type RookeryApp } from '../support/rookery-app.js';
import { randomFrom } from '../support/storm-plan.js';

const JOBS = 300;
const SEEDS = [1, 2, 3];

const scene = rookeryScene();
let nats: NatsServer;

beforeAll(async () => {
  nats = await openNatsServer();
});

afterAll(async () => {
  await nats?.close();
});

const Task = defineJob({
  name: 'task',
  payload: z.object({ fails: z.boolean() }),
  maxAttempts: 20,
  backoff: { initial: '20ms', jitter: 'none' },
});

const FAULTS = ['dropped', 'doubled', 'held back', 'delivered late', 'brought again'] as const;
type Fault = (typeof FAULTS)[number];

/** A network that drops some tickets, doubles some, holds some back and delivers them later in the wrong order, and brings old ones again. */
class FaultyNetwork {
  readonly counts = new Map<Fault, number>();
  private readonly random: () => number;
  private readonly delivered: (readonly string[])[] = [];
  private held: (readonly string[])[] = [];

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  readonly distort = (ids: readonly string[]): readonly (readonly string[])[] => {
    // Half of them arrive as they are.
    const fault = FAULTS[Math.floor(this.random() * FAULTS.length * 2)];
    const arrived = this.arriving(ids, fault);
    if (fault) this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    this.delivered.push(...arrived);
    return arrived;
  };

  private arriving(ids: readonly string[], fault: Fault | undefined): (readonly string[])[] {
    switch (fault) {
      case undefined:
        return [ids];
      case 'dropped':
        return [];
      case 'doubled':
        return [ids, ids];
      case 'held back':
        this.held.push(ids);
        return [];
      case 'delivered late': {
        const late = this.held.toReversed();
        this.held = [];
        return [ids, ...late];
      }
      case 'brought again':
        return [ids, this.delivered[Math.floor(this.random() * this.delivered.length)] ?? ids];
    }
  }
}

/** The tickets of a NATS server by way of that network. */
class FaultyNats extends NatsTransport {
  constructor(
    options: NatsTransportOptions,
    private readonly network: FaultyNetwork | undefined,
  ) {
    super(options);
  }

  override offer(queue: string, lane: Lane, ids: readonly string[]): void {
    for (const arrived of this.network?.distort(ids) ?? [ids]) super.offer(queue, lane, arrived);
  }
}

interface Processes {
  /** The one whose offers go through the network. */
  readonly first: RookeryApp;
}

const carriers = {
  'within the process': async (
    handlers: readonly Class<Handler>[],
    network: FaultyNetwork,
  ): Promise<Processes> => {
    const first = await scene.start({ handlers });
    const second = await scene.start({ handlers });
    first.transport.peers.add(second.transport);
    second.transport.peers.add(first.transport);
    first.transport.distort = network.distort;
    return { first };
  },
  'by NATS': async (handlers: readonly Class<Handler>[], network: FaultyNetwork): Promise<Processes> => {
    const prefix = `faults-${randomUUID()}`;
    const start = (faulty?: FaultyNetwork): Promise<RookeryApp> =>
      scene.start({
        handlers,
        makeTransport: (clock) =>
          new FaultyNats({ access: { servers: nats.url }, clock, prefix, ackWaitMs: 1_000 }, faulty),
      });
    const first = await start(network);
    await start();
    await eventually(() => first.module.get<Transport>(TRANSPORT).isAvailable);
    return { first };
  },
};

describe.each(Object.entries(carriers))(
  'tickets that are dropped, doubled, reordered and replayed %s',
  (_, start) => {
    it.each(SEEDS)('cost no job and run none twice, seed %i', async (seed) => {
      const begun: string[] = [];
      const handler = handlerOf(Task, ({ fails }, ctx) => {
        begun.push(`${ctx.id} ${ctx.run}`);
        if (fails && ctx.attempt === 1) throw new Error('once');
      });
      const network = new FaultyNetwork(seed);
      const { first } = await start([handler], network);
      const ids: string[] = [];
      for (let n = 0; n < JOBS; n++) ids.push((await first.jobs.enqueue(Task, { fails: n % 5 === 0 })).id);
      for (const id of ids) await scene.reaches(id, 'done');
      expect(new Set(begun).size).toBe(begun.length);
      expect(begun).toHaveLength(JOBS + JOBS / 5);
      const told = ids.map((id) => ({ id }));
      expect(inWords(await breachesOf(scene.query, told, { isOver: true }))).toBe('');
      // The control: the network did all of that to them.
      for (const fault of FAULTS) expect(network.counts.get(fault), fault).toBeGreaterThan(5);
    });
  },
);
