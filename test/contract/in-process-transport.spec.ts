import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/kernel/clock.js';
import { InProcessTransport, type InProcessTransportOptions } from '../../src/modules/transport/index.js';
import { describeTransport } from './transport.contract.js';
import {
  drain,
  type HarnessOptions,
  idsOf,
  newIds,
  QUEUE,
  takeFor,
  takeSome,
  type TransportHarness,
} from './transport-harness.js';

describeTransport('in-process', { open, shortestAckWaitMs: 150, clockToleranceMs: 0, isShared: false });

/** All "processes" are the one process there is. */
async function open({ processes = 1, ackWaitMs, maxIdsPerLane }: HarnessOptions): Promise<TransportHarness> {
  const newProcess = (): InProcessTransport =>
    new InProcessTransport({
      clock: systemClock,
      onListenerError: () => undefined,
      ...(ackWaitMs !== undefined && { ackWaitMs }),
      ...(maxIdsPerLane !== undefined && { maxIdsPerLane }),
    });
  const transport = newProcess();
  await transport.start();
  return {
    processes: Array.from({ length: processes }, () => transport),
    clock: systemClock,
    newProcess,
    flush: () => Promise.resolve(),
    close: () => transport.stop(),
  };
}

describe('in-process transport, beyond the contract', () => {
  const started: InProcessTransport[] = [];

  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(started.splice(0).map((transport) => transport.stop()));
  });

  /** A transport whose clock stands until the test sets it. */
  async function start(
    options: Omit<InProcessTransportOptions, 'clock'> = {},
  ): Promise<{ transport: InProcessTransport; time: { now: number } }> {
    const time = { now: 1_000 };
    const transport = new InProcessTransport({ clock: { now: () => time.now }, ...options });
    started.push(transport);
    await transport.start();
    return { transport, time };
  }

  test('a take gets exactly as many ids as it asked for, however they were offered', async () => {
    const { transport } = await start();
    const ids = newIds(130);
    transport.offer(QUEUE, 'normal', ids.slice(0, 100));
    for (const id of ids.slice(100)) transport.offer(QUEUE, 'normal', [id]);
    for (const maxIds of [10, 1, 49, 60])
      expect(idsOf(await takeSome(transport, { maxIds })).length).toBe(maxIds);
    expect(idsOf(await takeSome(transport, { maxIds: 60 })).length).toBe(10);
  });

  test('ids offered one by one within a millisecond are taken 25 a ticket', async () => {
    const { transport } = await start();
    for (const id of newIds(100)) transport.offer(QUEUE, 'normal', [id]);
    expect((await takeSome(transport, { maxIds: 100 })).length).toBe(4);
  });

  test('a ticket names only ids of one age', async () => {
    const { transport, time } = await start();
    const [old, young] = [newIds(3), newIds(3)];
    transport.offer(QUEUE, 'normal', old);
    time.now++;
    transport.offer(QUEUE, 'normal', young);
    expect((await takeSome(transport, { maxIds: 6 })).map((ticket) => ticket.ids)).toEqual([old, young]);
  });

  test('a ticket that came back is cut to what a take asks for; the rest keeps its place, deliveries and age', async () => {
    const { transport, time } = await start();
    const ids = newIds(25);
    transport.offer(QUEUE, 'normal', ids.slice(0, 20));
    const [ticket] = await takeSome(transport, { maxIds: 20 });
    time.now = 2_000;
    transport.offer(QUEUE, 'normal', ids.slice(20));
    ticket?.giveBack();
    expect(await takeSome(transport, { maxIds: 8 })).toMatchObject([{ ids: ids.slice(0, 8), deliveries: 2 }]);
    expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'at', at: 1_000 });
    const [rest, newer] = await drain(transport, 17);
    expect(rest).toMatchObject({ ids: ids.slice(8, 20), deliveries: 2 });
    expect(newer).toMatchObject({ ids: ids.slice(20), deliveries: 1 });
  });

  test('tickets given back in any order are taken in the order of their lane', async () => {
    const { transport } = await start();
    const ids = newIds(75);
    transport.offer(QUEUE, 'normal', ids);
    const tickets = await takeSome(transport, { maxIds: 75 });
    for (const ticket of tickets.reverse()) ticket.giveBack();
    expect(idsOf(await drain(transport, 75))).toEqual(ids);
  });

  test('who waits is served before who comes later', async () => {
    const { transport } = await start();
    const { signal } = new AbortController();
    const ids = newIds(2);
    const waiting = transport.take(QUEUE, ['normal', 'retry'], 1, signal);
    transport.offer(QUEUE, 'normal', ids);
    const late = transport.take(QUEUE, ['normal'], 1, signal);
    expect([idsOf(await waiting), idsOf(await late)]).toEqual([[ids[0]], [ids[1]]]);
  });

  test('each ticket has its own ack wait, from when it was taken', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { transport } = await start({ ackWaitMs: 30_000 });
    const [early, late] = newIds(2) as [string, string];
    transport.offer(QUEUE, 'high', [early]);
    transport.offer(QUEUE, 'low', [late]);
    const { signal } = new AbortController();
    await transport.take(QUEUE, ['high'], 1, signal);
    await vi.advanceTimersByTimeAsync(10_000);
    await transport.take(QUEUE, ['low'], 1, signal);
    const again = transport.take(QUEUE, ['high', 'low'], 2, signal);
    await vi.advanceTimersByTimeAsync(20_001);
    expect(idsOf(await again)).toEqual([early]);
    const last = transport.take(QUEUE, ['low'], 2, signal);
    await vi.advanceTimersByTimeAsync(9_000);
    transport.offer(QUEUE, 'low', ['newer']);
    expect(idsOf(await last)).toEqual(['newer']);
    const afterAll = transport.take(QUEUE, ['low'], 2, signal);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await afterAll).toMatchObject([{ ids: [late], deliveries: 2 }]);
  });

  test('the oldest ticket is told on the clock it was given', async () => {
    const { transport, time } = await start();
    transport.offer(QUEUE, 'normal', newIds(1));
    time.now = 5_000;
    transport.offer(QUEUE, 'normal', newIds(1));
    expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'at', at: 1_000 });
    await drain(transport, 1);
    expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'at', at: 5_000 });
  });

  test('an offer that fits in part is kept in part', async () => {
    const { transport } = await start({ maxIdsPerLane: 10 });
    const ids = newIds(14);
    transport.offer(QUEUE, 'normal', ids);
    expect(transport.stats).toMatchObject({ offered: 14, dropped: 4 });
    expect(idsOf(await drain(transport, 10))).toEqual(ids.slice(0, 10));
  });

  test('a lane holds 100,000 ids unless told otherwise', async () => {
    const { transport } = await start();
    transport.offer(QUEUE, 'normal', newIds(100_001));
    expect(transport.stats.dropped).toBe(1);
  });

  test('offers refused in one go are one report a queue', async () => {
    const { transport } = await start({ maxIdsPerLane: 1 });
    const gaps: unknown[] = [];
    transport.onGap((queue) => void gaps.push(queue));
    for (const id of newIds(100)) transport.offer(QUEUE, 'normal', [id]);
    transport.offer('other', 'low', newIds(2));
    await takeFor(transport, 10, ['retry']);
    expect(gaps).toEqual([QUEUE, 'other']);
  });

  test('one timer watches over all tickets, and none is left after the stop', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { transport } = await start();
    transport.offer(QUEUE, 'normal', newIds(500));
    const { signal } = new AbortController();
    const tickets = await transport.take(QUEUE, ['normal'], 500, signal);
    expect(vi.getTimerCount()).toBe(1);
    for (const ticket of tickets) ticket.giveBack(1_000);
    expect(vi.getTimerCount()).toBe(1);
    await transport.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
