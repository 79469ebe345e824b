import { describe, expect, test } from 'vitest';
import type { Lane, Transport } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
import {
  drain,
  harnessOpener,
  newIds,
  processOf,
  QUEUE,
  takeOne,
  type TransportHarness,
  type TransportUnderTest,
} from './transport-harness.js';

/** What the transport knows of a lane's oldest ticket, by which workers judge what no ticket covers. */
export function describeOldestTicket(subject: TransportUnderTest): void {
  describe('the oldest ticket', () => {
    const open = harnessOpener(subject);

    test('is none in a lane without tickets, whatever other lanes and queues hold', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      transport.offer(QUEUE, 'high', newIds(1));
      transport.offer('other', 'normal', newIds(1));
      await harness.flush();
      expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'none' });
      expect(await transport.oldestTicketAt('never-used', 'normal')).toEqual({ kind: 'none' });
    });

    test('is as old as its offer, for every process', async () => {
      const harness = await open({ processes: 2 });
      const before = harness.clock.now() - subject.clockToleranceMs;
      processOf(harness, 0).offer(QUEUE, 'normal', newIds(1));
      await harness.flush();
      const after = harness.clock.now() + subject.clockToleranceMs;
      for (const transport of harness.processes) {
        const at = await oldestAt(transport, 'normal');
        expect(at).toBeGreaterThanOrEqual(before);
        expect(at).toBeLessThanOrEqual(after);
      }
    });

    test('stays while it is taken, given back or delayed, though a newer one is acked', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      transport.offer(QUEUE, 'normal', newIds(1));
      await harness.flush();
      const first = await oldestAt(transport, 'normal');
      await anotherMillisecond(harness);
      transport.offer(QUEUE, 'normal', newIds(1));

      const taken = await takeOne(transport);
      expect(await oldestAt(transport, 'normal')).toBe(first);
      taken.giveBack();
      await harness.flush();
      expect(await oldestAt(transport, 'normal')).toBe(first);
      (await takeOne(transport)).giveBack(300);
      await harness.flush();
      expect(await oldestAt(transport, 'normal')).toBe(first);

      await drain(transport, 1);
      expect(await oldestAt(transport, 'normal')).toBe(first);
      await drain(transport, 1);
      await eventually(async () => (await transport.oldestTicketAt(QUEUE, 'normal')).kind === 'none');
    });

    test('moves to the next offer when the oldest is acked, and is none when all are', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      transport.offer(QUEUE, 'normal', newIds(1));
      await harness.flush();
      const first = await oldestAt(transport, 'normal');
      await anotherMillisecond(harness);
      transport.offer(QUEUE, 'normal', newIds(1));
      await harness.flush();
      await drain(transport, 1);
      await eventually(async () => (await oldestAt(transport, 'normal')) > first);
      await drain(transport, 1);
      await eventually(async () => (await transport.oldestTicketAt(QUEUE, 'normal')).kind === 'none');
    });

    test('of tickets acked out of order is the oldest that is left', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      transport.offer(QUEUE, 'normal', newIds(1));
      await harness.flush();
      const first = await oldestAt(transport, 'normal');
      await anotherMillisecond(harness);
      transport.offer(QUEUE, 'normal', newIds(1));
      const [older, newer] = [await takeOne(transport), await takeOne(transport)];
      newer.ack();
      await harness.flush();
      expect(await oldestAt(transport, 'normal')).toBe(first);
      older.ack();
      await eventually(async () => (await transport.oldestTicketAt(QUEUE, 'normal')).kind === 'none');
    });
  });
}

async function oldestAt(transport: Transport, lane: Lane): Promise<number> {
  const oldest = await transport.oldestTicketAt(QUEUE, lane);
  if (oldest.kind !== 'at') throw new Error(`expected a time, not ${oldest.kind}`);
  return oldest.at;
}

/** Resolves when the clock has moved on, so that the next offer is told from the last one. */
async function anotherMillisecond(harness: TransportHarness): Promise<void> {
  const now = harness.clock.now();
  await eventually(() => harness.clock.now() > now + 1, { everyMs: 1 });
}
