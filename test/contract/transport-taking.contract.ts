import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { freshLanes, MAX_TICKET_IDS, type Ticket } from '../../src/modules/transport/index.js';
import {
  drain,
  harnessOpener,
  idsOf,
  newIds,
  processOf,
  QUEUE,
  takeFor,
  takeOne,
  takeSome,
  type TransportUnderTest,
} from './transport-harness.js';

/** How offers become tickets, and in which order they are taken. */
export function describeTaking(subject: TransportUnderTest): void {
  describe('taking', () => {
    const open = harnessOpener(subject);

    test('ids of one offerer come in the order it offered them, however they were split', async () => {
      const harness = await open({ processes: 2 });
      const ids = newIds(300);
      for (let at = 0, size = 1; at < ids.length; at += size, size = (size * 3) % 61) {
        processOf(harness, 0).offer(QUEUE, 'normal', ids.slice(at, at + size));
      }
      expect(idsOf(await drain(processOf(harness, 1), ids.length, { maxIds: 17 }))).toEqual(ids);
    });

    test('high goes before normal and normal before low, whichever was offered first', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [low, normal, high] = [newIds(3), newIds(3), newIds(3)];
      for (const id of low) transport.offer(QUEUE, 'low', [id]);
      for (const id of normal) transport.offer(QUEUE, 'normal', [id]);
      for (const id of high) transport.offer(QUEUE, 'high', [id]);
      await harness.flush();
      expect(idsOf(await drain(transport, 9, { maxIds: 1 }))).toEqual([...high, ...normal, ...low]);
    });

    test('a take of several lanes fills up from the later ones', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [low, high] = [newIds(2), newIds(2)];
      transport.offer(QUEUE, 'low', low);
      transport.offer(QUEUE, 'high', high);
      await harness.flush();
      expect(idsOf(await drain(transport, 4, { maxIds: 4 }))).toEqual([...high, ...low]);
    });

    test('a take leaves the lanes and queues alone that it did not name', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [retry, other, mine] = newIds(3) as [string, string, string];
      transport.offer(QUEUE, 'retry', [retry]);
      transport.offer('other', 'normal', [other]);
      transport.offer(QUEUE, 'normal', [mine]);
      await harness.flush();
      expect(idsOf(await takeSome(transport, { lanes: freshLanes, maxIds: 10 }))).toEqual([mine]);
      expect(await takeFor(transport, 50)).toEqual([]);
      expect(idsOf(await takeSome(transport, { lanes: ['retry'], maxIds: 10 }))).toEqual([retry]);
    });

    test('lanes are awaited, if at all, while somebody waits for all of them and none has a ticket', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const isAwaited = (): boolean => transport.isAwaited(QUEUE, freshLanes);
      expect(isAwaited()).toBe(false);
      const ended = new AbortController();
      const partial = transport.take(QUEUE, ['high'], 1, ended.signal);
      expect(isAwaited()).toBe(false);
      ended.abort();
      await partial;
      const taken = takeSome(transport);
      const wasAwaited = isAwaited();
      expect(wasAwaited).toBe(!subject.isShared);
      transport.offer(QUEUE, 'low', newIds(2));
      expect(isAwaited()).toBe(false);
      await taken;
      expect(isAwaited()).toBe(false);
    });

    test('a ticket tells its queue, its lane and that it is delivered for the first time', async () => {
      const transport = processOf(await open(), 0);
      const ids = newIds(1);
      transport.offer(QUEUE, 'low', ids);
      expect(await takeOne(transport)).toMatchObject({ queue: QUEUE, lane: 'low', ids, deliveries: 1 });
    });

    test('ids offered together travel several a ticket, never more than 25', async () => {
      const transport = processOf(await open(), 0);
      const ids = newIds(60);
      transport.offer(QUEUE, 'normal', ids);
      const tickets = await drain(transport, ids.length);
      expect(idsOf(tickets)).toEqual(ids);
      expect(tickets.length).toBeLessThanOrEqual(6);
      expect(Math.max(...tickets.map((ticket) => ticket.ids.length))).toBeLessThanOrEqual(MAX_TICKET_IDS);
    });

    test('a take stops at the ticket that reaches the number of ids asked for', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      for (const id of newIds(30)) transport.offer(QUEUE, 'normal', [id]);
      transport.offer(QUEUE, 'low', newIds(60));
      await harness.flush();
      expect(idsOf(await takeSome(transport, { lanes: ['normal'], maxIds: 10 })).length).toBeLessThanOrEqual(
        10,
      );
      const tickets = await takeSome(transport, { lanes: ['low'], maxIds: 30 });
      expect(idsOf(tickets.slice(0, -1)).length).toBeLessThan(30);
    });

    test('an id offered twice is delivered twice: the transport does not judge', async () => {
      const transport = processOf(await open(), 0);
      const ids = newIds(1);
      transport.offer(QUEUE, 'normal', ids);
      transport.offer(QUEUE, 'normal', ids);
      expect(idsOf(await drain(transport, 2))).toEqual([...ids, ...ids]);
    });

    test('an offer of nothing is nothing', async () => {
      const transport = processOf(await open(), 0);
      transport.offer(QUEUE, 'normal', []);
      expect(await takeFor(transport, 50)).toEqual([]);
      expect(transport.stats.offered).toBe(0);
    });

    test('a waiting take wakes when another process offers', async () => {
      const harness = await open({ processes: 2 });
      const taking = takeSome(processOf(harness, 1));
      await harness.flush();
      const ids = newIds(1);
      processOf(harness, 0).offer(QUEUE, 'low', ids);
      expect(idsOf(await taking)).toEqual(ids);
    });

    test('those who wait are served in turn: none starves', async () => {
      const harness = await open({ processes: 4 });
      const shares = [1, 2, 3].map((number) => takeUntilStopped(harness.processes[number]));
      const offer = (ids: readonly string[]): void => {
        for (const id of ids) processOf(harness, 0).offer(QUEUE, 'normal', [id]);
      };
      let offered = 0;
      // Who is served in turn must have come to wait.
      await eventually(() => {
        offer(newIds(1));
        offered++;
        return shares.every((share) => share.taken > 0);
      });
      const before = shares.map((share) => share.taken);
      const count = 300;
      offer(newIds(count));
      const taken = await sharesOf(shares, offered + count);
      expect(taken.reduce((sum, share) => sum + share)).toBe(offered + count);
      for (const [index, share] of taken.entries())
        expect(share - (before[index] ?? 0)).toBeGreaterThan(count / 3 / 2);
    });
  });
}

interface Share {
  taken: number;
  readonly ended: Promise<void>;
  readonly stop: () => void;
  readonly onTaken: (listener: () => void) => void;
}

/** Takes and acks one ticket after the other. */
function takeUntilStopped(transport: Parameters<typeof takeOne>[0] | undefined): Share {
  const abort = new AbortController();
  let listener = (): void => undefined;
  const run = async (): Promise<void> => {
    for (;;) {
      const tickets: Ticket[] = (await transport?.take(QUEUE, freshLanes, 1, abort.signal)) ?? [];
      if (tickets.length === 0) return;
      share.taken += idsOf(tickets).length;
      for (const ticket of tickets) ticket.ack();
      listener();
    }
  };
  const share: Share = {
    taken: 0,
    ended: Promise.resolve().then(run),
    stop: () => abort.abort(),
    onTaken: (added) => (listener = added),
  };
  return share;
}

/** Waits until all shares together are `count`, ends them, and answers each. */
async function sharesOf(shares: readonly Share[], count: number): Promise<number[]> {
  const sum = (): number => shares.reduce((total, share) => total + share.taken, 0);
  await new Promise<void>((resolve) => {
    const check = (): void => void (sum() >= count && resolve());
    for (const share of shares) share.onTaken(check);
    check();
  });
  for (const share of shares) share.stop();
  await Promise.all(shares.map((share) => share.ended));
  return shares.map((share) => share.taken);
}
