import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { freshLanes } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
import {
  drain,
  harnessOpener,
  idsOf,
  newIds,
  processOf,
  QUEUE,
  takeOne,
  takeSome,
  type TransportUnderTest,
} from './transport-harness.js';

/** Starting, stopping, and giving up a wait. */
export function describeLifecycle(subject: TransportUnderTest): void {
  describe('lifecycle', () => {
    const open = harnessOpener(subject);

    test('a second start and a second stop change nothing', async () => {
      const harness = await open();
      const transport = harness.newProcess();
      await Promise.all([transport.start(), transport.start()]);
      await transport.start();
      await Promise.all([transport.stop(), transport.stop()]);
      await transport.stop();
    });

    test('a stop without a start ends well', async () => {
      const harness = await open();
      await harness.newProcess().stop();
    });

    test('a start after a stop is refused', async () => {
      const harness = await open();
      const transport = harness.newProcess();
      await transport.start();
      await transport.stop();
      await expect(transport.start()).rejects.toThrow('stopped');
    });

    test('is available from its start to its stop', async () => {
      const harness = await open();
      const transport = harness.newProcess();
      expect(transport.isAvailable).toBe(false);
      await transport.start();
      await eventually(() => transport.isAvailable);
      await transport.stop();
      expect(transport.isAvailable).toBe(false);
    });

    test('a stop ends every waiting take with nothing, and later takes are empty at once', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const { signal } = new AbortController();
      const takes = [
        transport.take(QUEUE, freshLanes, 10, signal),
        transport.take(QUEUE, ['retry'], 10, signal),
      ];
      await harness.flush();
      await transport.stop();
      expect(await Promise.all(takes)).toEqual([[], []]);
      expect(await transport.take(QUEUE, freshLanes, 10, signal)).toEqual([]);
      expect(getEventListeners(signal, 'abort')).toEqual([]);
    });

    test('a stopped transport takes offers without a word, counts them as dropped and knows no oldest ticket', async () => {
      const transport = processOf(await open(), 0);
      await transport.stop();
      transport.offer(QUEUE, 'normal', newIds(3));
      expect(transport.stats).toMatchObject({ offered: 3, dropped: 3 });
      expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'unknown' });
    });

    test('tickets in flight at the stop may still be settled, to no effect', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      transport.offer(QUEUE, 'high', newIds(1));
      transport.offer(QUEUE, 'low', newIds(1));
      const [first, second] = [await takeOne(transport), await takeOne(transport)];
      await transport.stop();
      first.ack();
      second.giveBack(10);
      expect(transport.stats).toMatchObject({ acked: 0 });
    });

    if (subject.isShared) {
      test('tickets in flight at the stop go to another process at once, and not after the ack wait', async () => {
        const harness = await open({ processes: 2 });
        const ids = newIds(10);
        for (const id of ids) processOf(harness, 0).offer(QUEUE, 'normal', [id]);
        const taken = await takeSome(processOf(harness, 0), { maxIds: 5 });
        taken[0]?.ack();
        await processOf(harness, 0).stop();
        const left = ids.filter((id) => !taken[0]?.ids.includes(id));
        expect(idsOf(await drain(processOf(harness, 1), left.length)).sort()).toEqual(left);
      });
    }

    test('an abort ends a waiting take with nothing, and what is offered next goes to the next take', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const abort = new AbortController();
      const taking = transport.take(QUEUE, freshLanes, 10, abort.signal);
      await harness.flush();
      abort.abort();
      expect(await taking).toEqual([]);
      const ids = newIds(3);
      transport.offer(QUEUE, 'normal', ids);
      expect(idsOf(await drain(transport, 3))).toEqual(ids);
    });

    test('a take whose signal has aborted before takes nothing', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const ids = newIds(1);
      transport.offer(QUEUE, 'normal', ids);
      await harness.flush();
      expect(await transport.take(QUEUE, freshLanes, 1, AbortSignal.abort())).toEqual([]);
      expect(await takeOne(transport)).toMatchObject({ ids, deliveries: 1 });
    });

    test('no take leaves a listener on its signal, whether it was served, aborted or stopped', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      const lasting = new AbortController();
      for (const id of newIds(20)) {
        const taking = transport.take(QUEUE, freshLanes, 1, lasting.signal);
        transport.offer(QUEUE, 'normal', [id]);
        for (const ticket of await taking) ticket.ack();
      }
      expect(getEventListeners(lasting.signal, 'abort')).toEqual([]);
      const brief = new AbortController();
      const takes = Array.from({ length: 5 }, () => transport.take(QUEUE, freshLanes, 1, brief.signal));
      brief.abort();
      await Promise.all(takes);
      expect(getEventListeners(brief.signal, 'abort')).toEqual([]);
    });

    test('a take of less than one id is refused', async () => {
      const transport = processOf(await open(), 0);
      for (const maxIds of [0, -1, Number.NaN]) {
        await expect(transport.take(QUEUE, freshLanes, maxIds, AbortSignal.timeout(1_000))).rejects.toThrow(
          RangeError,
        );
      }
    });
  });
}
