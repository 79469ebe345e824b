import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/kernel/clock.js';
import { freshLanes, TableOnlyTransport, type Transport } from '../../src/modules/transport/index.js';
import { type HarnessOptions, newIds, QUEUE, takeFor, type TransportHarness } from './transport-harness.js';
import { describeSignals } from './transport-signals.contract.js';

/** Its signals reach one process, so that process is all there is. */
async function open({ processes = 1 }: HarnessOptions): Promise<TransportHarness> {
  const newProcess = (): TableOnlyTransport => new TableOnlyTransport(() => undefined);
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

describe('table-only transport', () => {
  describeSignals({ open });

  test('is never available and knows no ticket', async () => {
    const transport = new TableOnlyTransport();
    await transport.start();
    transport.offer();
    expect(transport.isAvailable).toBe(false);
    expect(transport.isAwaited()).toBe(false);
    expect(await transport.oldestTicketAt()).toEqual({ kind: 'unknown' });
  });

  test('an offer is no drop and no gap: there is nothing to lose', async () => {
    const transport: Transport = new TableOnlyTransport();
    let gaps = 0;
    transport.onGap(() => void gaps++)();
    transport.offer(QUEUE, 'normal', newIds(3));
    expect(await takeFor(transport, 20)).toEqual([]);
    expect(transport.stats).toEqual({ offered: 0, taken: 0, acked: 0, givenBack: 0, dropped: 0 });
    expect(gaps).toBe(0);
  });

  test('a take waits until it is aborted or the transport stops, and leaves no listener', async () => {
    const transport = new TableOnlyTransport();
    await transport.start();
    const [aborted, lasting] = [new AbortController(), new AbortController()];
    const takes = [
      transport.take(QUEUE, freshLanes, 1, aborted.signal),
      transport.take(QUEUE, freshLanes, 1, lasting.signal),
    ];
    aborted.abort();
    expect(await takes[0]).toEqual([]);
    await transport.stop();
    expect(await takes[1]).toEqual([]);
    expect(await transport.take(QUEUE, freshLanes, 1, lasting.signal)).toEqual([]);
    expect(getEventListeners(lasting.signal, 'abort')).toEqual([]);
  });

  test('starts and stops any number of times, but does not start again', async () => {
    const transport = new TableOnlyTransport();
    await transport.start();
    await transport.start();
    await transport.stop();
    await transport.stop();
    await expect(transport.start()).rejects.toThrow('stopped');
  });
});
