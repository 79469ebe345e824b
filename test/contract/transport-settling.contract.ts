import { describe, expect, test } from 'vitest';
import { monotonicMs } from '../../src/kernel/clock.js';
import { MAX_TICKET_IDS, type Ticket } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
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

/** A delay long enough to tell from none on a busy machine. */
const DELAY_MS = 400;

/** What becomes of a ticket after it was taken. */
export function describeSettling(subject: TransportUnderTest): void {
  describe('settling', () => {
    const open = harnessOpener(subject);

    test('a ticket given back is taken again before anything newer, its deliveries counted', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [first, second] = newIds(2) as [string, string];
      transport.offer(QUEUE, 'normal', [first]);
      for (const deliveries of [1, 2, 3]) {
        const ticket = await takeOne(transport);
        expect(ticket).toMatchObject({ ids: [first], deliveries });
        if (deliveries === 1) transport.offer(QUEUE, 'normal', [second]);
        ticket.giveBack();
        await harness.flush();
      }
      expect(idsOf(await drain(transport, 2))).toEqual([first, second]);
    });

    test('several tickets given back are taken again in their order', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const ids = newIds(4 * MAX_TICKET_IDS);
      transport.offer(QUEUE, 'normal', ids);
      await harness.flush();
      const tickets: Ticket[] = [];
      while (tickets.length < 3) tickets.push(...(await takeSome(transport, { maxIds: MAX_TICKET_IDS })));
      for (const ticket of tickets) ticket.giveBack();
      await harness.flush();
      expect(idsOf(await drain(transport, ids.length))).toEqual(ids);
    });

    test('a ticket given back may go to another process', async () => {
      const harness = await open({ processes: 2 });
      const ids = newIds(1);
      processOf(harness, 0).offer(QUEUE, 'normal', ids);
      const ticket = await takeOne(processOf(harness, 0));
      ticket.giveBack();
      expect(await takeOne(processOf(harness, 1))).toMatchObject({ ids, deliveries: 2 });
    });

    test('a ticket of several ids comes again with all of them', async () => {
      const transport = processOf(await open(), 0);
      const ids = newIds(25);
      transport.offer(QUEUE, 'normal', ids);
      for (const ticket of await takeSome(transport, { maxIds: 25 })) ticket.giveBack();
      expect(idsOf(await drain(transport, 25))).toEqual(ids);
    });

    test('a ticket given back with a delay lets newer ones pass and comes no earlier than it says', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [delayed, newer] = newIds(2) as [string, string];
      transport.offer(QUEUE, 'normal', [delayed]);
      const ticket = await takeOne(transport);
      const givenBackAt = monotonicMs();
      ticket.giveBack(DELAY_MS);
      await harness.flush();
      transport.offer(QUEUE, 'normal', [newer]);
      expect(idsOf(await drain(transport, 1))).toEqual([newer]);
      expect(monotonicMs() - givenBackAt).toBeLessThan(DELAY_MS);
      expect(await takeOne(transport)).toMatchObject({ ids: [delayed], deliveries: 2 });
      expect(monotonicMs() - givenBackAt).toBeGreaterThanOrEqual(DELAY_MS - 1);
    });

    test('control: without a delay it comes at once', async () => {
      const transport = processOf(await open(), 0);
      transport.offer(QUEUE, 'normal', newIds(1));
      const ticket = await takeOne(transport);
      const givenBackAt = monotonicMs();
      ticket.giveBack();
      await takeOne(transport);
      expect(monotonicMs() - givenBackAt).toBeLessThan(DELAY_MS - 1);
    });

    test('once its delay is over, a ticket goes before anything newer', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [delayed, ...newer] = newIds(4) as [string, string, string, string];
      transport.offer(QUEUE, 'normal', [delayed]);
      (await takeOne(transport)).giveBack(DELAY_MS);
      const dueAt = monotonicMs() + DELAY_MS;
      await harness.flush();
      for (const id of newer) transport.offer(QUEUE, 'normal', [id]);
      // Twice the delay, because a server counts it from when it hears of it.
      await eventually(() => monotonicMs() > dueAt + DELAY_MS);
      expect(idsOf(await drain(transport, 4))).toEqual([delayed, ...newer]);
    });

    test('a ticket neither acked nor given back comes again after the ack wait, its deliveries counted', async () => {
      const ackWaitMs = subject.shortestAckWaitMs;
      const harness = await open({ processes: 2, ackWaitMs });
      const [forgotten, acked] = newIds(2) as [string, string];
      processOf(harness, 0).offer(QUEUE, 'normal', [forgotten]);
      processOf(harness, 0).offer(QUEUE, 'normal', [acked]);
      const startedAt = monotonicMs();
      expect(idsOf([await takeOne(processOf(harness, 0))])).toEqual([forgotten]);
      (await takeOne(processOf(harness, 0))).ack();
      const again = await takeOne(processOf(harness, 1));
      expect(again).toMatchObject({ ids: [forgotten], deliveries: 2 });
      expect(monotonicMs() - startedAt).toBeGreaterThanOrEqual(ackWaitMs - 1);
      again.ack();
    });

    test('a forgotten ticket comes again as often as it is forgotten, before anything newer', async () => {
      const ackWaitMs = subject.shortestAckWaitMs;
      const harness = await open({ ackWaitMs });
      const transport = processOf(harness, 0);
      const [forgotten, newer] = newIds(2) as [string, string];
      transport.offer(QUEUE, 'normal', [forgotten]);
      await takeOne(transport);
      expect(await takeOne(transport)).toMatchObject({ ids: [forgotten], deliveries: 2 });
      const forgottenAt = monotonicMs();
      transport.offer(QUEUE, 'normal', [newer]);
      await eventually(() => monotonicMs() > forgottenAt + 2 * ackWaitMs);
      expect((await drain(transport, 2)).map(({ ids, deliveries }) => ({ ids, deliveries }))).toEqual([
        { ids: [forgotten], deliveries: 3 },
        { ids: [newer], deliveries: 1 },
      ]);
    });

    test('an acked ticket does not come again, though the ack wait is over', async () => {
      const ackWaitMs = subject.shortestAckWaitMs;
      const transport = processOf(await open({ ackWaitMs }), 0);
      transport.offer(QUEUE, 'normal', newIds(3));
      await drain(transport, 3);
      expect(await takeFor(transport, 2 * ackWaitMs)).toEqual([]);
    });

    test('settling a ticket a second time changes nothing', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const [acked, givenBack] = newIds(2) as [string, string];
      transport.offer(QUEUE, 'high', [acked]);
      transport.offer(QUEUE, 'low', [givenBack]);
      await harness.flush();
      const [first, second] = [await takeOne(transport), await takeOne(transport, { lanes: ['low'] })];
      first.ack();
      first.giveBack();
      second.giveBack();
      second.ack();
      second.giveBack();
      await harness.flush();
      expect(await takeOne(transport)).toMatchObject({ ids: [givenBack], deliveries: 2 });
      expect(await takeFor(transport, 50)).toEqual([]);
    });
  });
}
