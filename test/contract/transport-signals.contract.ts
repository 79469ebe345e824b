import { describe, expect, test } from 'vitest';
import type { Signal, SignalKind, Transport } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
import { harnessOpener, processOf, type TransportUnderTest } from './transport-harness.js';

const ONE_OF_EACH: readonly Signal[] = [
  { kind: 'cancel', ids: ['01890000-0000-7000-8000-000000000001', '01890000-0000-7000-8000-000000000002'] },
  { kind: 'pause', queue: 'mail' },
  { kind: 'resume', queue: 'mail' },
  { kind: 'drain', workerId: '01890000-0000-7000-8000-000000000003' },
  { kind: 'fin', batchId: '01890000-0000-7000-8000-000000000004' },
];

/** Signals between processes; also true of a transport that has no tickets. */
export function describeSignals(subject: Pick<TransportUnderTest, 'open'>): void {
  describe('signals', () => {
    const open = harnessOpener(subject);

    test.each(ONE_OF_EACH)(
      '$kind reaches every subscriber of every process, the sender too',
      async (signal) => {
        const harness = await open({ processes: 3 });
        const heard = harness.processes.flatMap((transport) => [
          record(transport, signal.kind),
          record(transport, signal.kind),
        ]);
        await harness.flush();
        processOf(harness, 1).broadcast(signal);
        await eventually(() => heard.every((signals) => signals.length > 0));
        expect(heard).toEqual(heard.map(() => [signal]));
      },
    );

    test('signals of one process are heard in the order sent', async () => {
      const harness = await open({ processes: 2 });
      const heard = record(processOf(harness, 1), 'fin');
      await harness.flush();
      const sent = Array.from({ length: 100 }, (_, number): Signal => ({
        kind: 'fin',
        batchId: `batch ${number}`,
      }));
      for (const signal of sent) processOf(harness, 0).broadcast(signal);
      await eventually(() => heard.length >= sent.length);
      expect(heard).toEqual(sent);
    });

    test('a subscriber hears its own kind only', async () => {
      const harness = await open({ processes: 2 });
      const heard = record(processOf(harness, 1), 'pause');
      const fence = record(processOf(harness, 1), 'fin');
      await harness.flush();
      for (const signal of ONE_OF_EACH) processOf(harness, 0).broadcast(signal);
      await eventually(() => fence.length > 0);
      expect(heard).toEqual([{ kind: 'pause', queue: 'mail' }]);
    });

    test('a subscriber hears nothing after it unsubscribed; the others still do', async () => {
      const harness = await open({ processes: 2 });
      const transport = processOf(harness, 1);
      const heard: Signal[] = [];
      const listener = (signal: Signal): void => void heard.push(signal);
      const unsubscribe = transport.subscribe('pause', listener);
      transport.subscribe('pause', listener);
      await harness.flush();
      processOf(harness, 0).broadcast({ kind: 'pause', queue: 'before' });
      await eventually(() => heard.length === 2);
      unsubscribe();
      unsubscribe();
      await harness.flush();
      processOf(harness, 0).broadcast({ kind: 'pause', queue: 'after' });
      const fence = record(transport, 'fin');
      await harness.flush();
      processOf(harness, 0).broadcast({ kind: 'fin', batchId: 'fence' });
      await eventually(() => fence.length > 0);
      expect(heard.map((signal) => signal.kind === 'pause' && signal.queue)).toEqual([
        'before',
        'before',
        'after',
      ]);
    });

    test('a listener that throws or rejects hurts no other, and not the sender', async () => {
      const harness = await open();
      const transport = processOf(harness, 0);
      transport.subscribe('pause', () => {
        throw new Error('a listener that throws');
      });
      transport.subscribe('pause', () => Promise.reject(new Error('a listener that rejects')) as never);
      const heard = record(transport, 'pause');
      await harness.flush();
      transport.broadcast({ kind: 'pause', queue: 'mail' });
      transport.broadcast({ kind: 'pause', queue: 'mail' });
      await eventually(() => heard.length === 2);
    });

    test('a listener is called after the broadcast returned, never within it', async () => {
      const harness = await open();
      const heard = record(processOf(harness, 0), 'pause');
      await harness.flush();
      processOf(harness, 0).broadcast({ kind: 'pause', queue: 'mail' });
      expect(heard).toEqual([]);
      await eventually(() => heard.length === 1);
    });

    test('a broadcast of a stopped transport goes nowhere and does not throw', async () => {
      const harness = await open();
      const heard = record(processOf(harness, 0), 'pause');
      await processOf(harness, 0).stop();
      processOf(harness, 0).broadcast({ kind: 'pause', queue: 'mail' });
      processOf(harness, 0).subscribe('pause', () => undefined)();
      await harness.flush();
      expect(heard).toEqual([]);
    });
  });
}

function record(transport: Transport, kind: SignalKind): Signal[] {
  const heard: Signal[] = [];
  transport.subscribe(kind, (signal) => void heard.push(signal));
  return heard;
}
