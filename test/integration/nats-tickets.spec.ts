import { setTimeout as pause } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { monotonicMs, systemClock } from '../../src/kernel/clock.js';
import { freshLanes, lanes, type Signal } from '../../src/modules/transport/index.js';
import { NatsTransport } from '../../src/modules/transport/nats/nats-transport.js';
import { drain, idsOf, newIds, QUEUE, takeFor, takeOne } from '../contract/transport-harness.js';
import { eventually } from '../support/eventually.js';
import { failOnLeaks } from '../support/leaks.js';
import { openNatsServer, type NatsServer } from '../support/nats-server.js';

/** What goes over the wire, and who gets it. */
describe('tickets and signals on NATS', () => {
  let server: NatsServer;
  let client: NatsConnection;
  const transports: NatsTransport[] = [];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    server = await openNatsServer();
  });

  afterAll(() => server?.close());

  failOnLeaks();

  beforeEach(async () => {
    client = await connect({ servers: server.url });
  });

  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.stop()));
    const manager = await jetstreamManager(client);
    for await (const name of manager.streams.names()) await manager.streams.delete(name);
    await client.close();
  });

  async function start(): Promise<NatsTransport> {
    const transport = new NatsTransport({ access: { servers: server.url }, clock: systemClock });
    transports.push(transport);
    await transport.start();
    await eventually(() => transport.isAvailable, { everyMs: 2 });
    return transport;
  }

  describe('the wire', () => {
    test('a stream and its consumers are as documented', async () => {
      const transport = await start();
      transport.offer(QUEUE, 'high', newIds(1));
      await transport.flush();
      const manager = await jetstreamManager(client);
      const { config } = await manager.streams.info('ROOKERY_TICKET_mail');
      expect(config).toMatchObject({
        subjects: ['rookery.ticket.mail.*'],
        retention: 'workqueue',
        storage: 'file',
        discard: 'new',
        max_msgs: 1_000_000,
        num_replicas: 1,
      });
      for (const lane of lanes) {
        const consumer = await manager.consumers.info('ROOKERY_TICKET_mail', lane);
        expect(consumer.config).toMatchObject({
          durable_name: lane,
          filter_subject: `rookery.ticket.mail.${lane}`,
          ack_policy: 'explicit',
          ack_wait: 30_000_000_000,
          max_deliver: -1,
          max_ack_pending: 20_000,
        });
        expect(consumer.config.deliver_subject).toBeUndefined();
      }
    });

    test('a plain client can read a ticket and offer one', async () => {
      const transport = await start();
      const ids = newIds(2);
      const before = systemClock.now();
      transport.offer(QUEUE, 'high', ids);
      await transport.flush();
      const stored = await (
        await jetstreamManager(client)
      ).streams.getMessage('ROOKERY_TICKET_mail', { seq: 1 });
      expect(stored?.subject).toBe('rookery.ticket.mail.high');
      const message = stored?.json<{ at: number; ids: string[] }>();
      expect(message).toEqual({ ids, at: expect.any(Number) as number });
      expect(message?.at).toBeGreaterThanOrEqual(before);
      await drain(transport, 2);

      const [id] = newIds(1);
      await client.request('rookery.ticket.mail.low', JSON.stringify({ ids: [id] }));
      expect(await transport.oldestTicketAt(QUEUE, 'low')).toEqual({
        kind: 'at',
        at: expect.any(Number) as number,
      });
      expect(await takeOne(transport)).toMatchObject({ ids: [id], lane: 'low' });
    });

    test.each([
      '',
      'hello',
      '{"ids":[]}',
      '{"ids":["1"]}',
      '\u0000\uffff',
      JSON.stringify({ ids: newIds(26) }),
    ])(
      'a malformed ticket (%j) is thrown away, once and for all, and those around it are taken',
      async (malformed) => {
        const transport = await start();
        const [first, second] = [newIds(1), newIds(1)];
        transport.offer(QUEUE, 'normal', first);
        await transport.flush();
        await client.request('rookery.ticket.mail.normal', malformed);
        await client.request('rookery.ticket.mail.high', malformed);
        transport.offer(QUEUE, 'normal', second);
        expect(idsOf(await drain(transport, 2))).toEqual([...first, ...second]);
        for (const lane of freshLanes) {
          await eventually(async () => (await transport.oldestTicketAt(QUEUE, lane)).kind === 'none');
        }
      },
    );

    test('signals are plain messages a plain client hears and sends; malformed ones are ignored', async () => {
      const transport = await start();
      const heard: Signal[] = [];
      transport.subscribe('cancel', (signal) => void heard.push(signal));
      transport.subscribe('fin', (signal) => void heard.push(signal));
      const fins: string[] = [];
      client.subscribe('rookery.signal.fin', {
        callback: (_error, message) => void fins.push(message.string()),
      });
      await Promise.all([transport.flush(), client.flush()]);
      transport.broadcast({ kind: 'fin', batchId: 'b' });
      for (const text of ['', 'null', '{"ids":7}', '{"ids":["x"]}'])
        client.publish('rookery.signal.cancel', text);
      client.publish('rookery.signal.unheard', '{}');
      await eventually(() => heard.length === 2 && fins.length === 1);
      expect(fins).toEqual(['{"flag":"fin","batchId":"b"}']);
      expect(heard).toContainEqual({ kind: 'cancel', ids: ['x'] });
    });

    test('installations with different prefixes share a server and nothing else', async () => {
      const other = new NatsTransport({
        access: { servers: server.url },
        clock: systemClock,
        prefix: 'other',
      });
      transports.push(other);
      await other.start();
      await eventually(() => other.isAvailable, { everyMs: 2 });
      const transport = await start();
      const heard: Signal[] = [];
      other.subscribe('pause', (signal) => void heard.push(signal));
      const [mine, theirs] = [newIds(1), newIds(1)];
      transport.offer(QUEUE, 'normal', mine);
      other.offer(QUEUE, 'normal', theirs);
      transport.broadcast({ kind: 'pause', queue: QUEUE });
      await Promise.all([transport.flush(), other.flush()]);
      expect(idsOf(await drain(other, 1))).toEqual(theirs);
      expect(idsOf(await drain(transport, 1))).toEqual(mine);
      expect(heard).toEqual([]);
    });
  });

  describe('sharing', () => {
    test('work spreads evenly over three takers', async () => {
      const takers = [await start(), await start(), await start()];
      const count = 3_000;
      const stopping = new AbortController();
      let left = count;
      const shares = takers.map((taker) =>
        work(taker, stopping.signal, () => --left === 0 && stopping.abort()),
      );
      const offerer = await start();
      for (const id of newIds(count)) offerer.offer(QUEUE, 'normal', [id]);
      const done = await Promise.all(shares);
      expect(done.reduce((sum, share) => sum + share)).toBe(count);
      for (const share of done) {
        expect(share).toBeGreaterThan((count / 3) * 0.8);
        expect(share).toBeLessThan((count / 3) * 1.2);
      }
    });

    test('a ticket that comes to a process which has stopped waiting goes to one that waits', async () => {
      const [busy, idle] = [await start(), await start()];
      const abort = new AbortController();
      const waiting = busy.take(QUEUE, ['high'], 1, abort.signal);
      await eventually(() => waitingPulls('high').then((pulls) => pulls === 1));
      abort.abort();
      await waiting;
      const taking = takeOne(idle);
      const ids = newIds(1);
      const offeredAt = monotonicMs();
      busy.offer(QUEUE, 'high', ids);
      expect((await taking).ids).toEqual(ids);
      // Far below the ack wait, after which it would come by itself.
      expect(monotonicMs() - offeredAt).toBeLessThan(2_000);
    });

    test('processes that come and go while tickets pour in leave none behind until its ack wait is over', async () => {
      const [offerer, stayer] = [await start(), await start()];
      const count = 4_000;
      const acked = new Set<string>();
      const enough = new AbortController();
      const note = (ids: readonly string[]): void => {
        for (const id of ids) acked.add(id);
        if (acked.size === count) enough.abort();
      };
      const staying = takeAndAck(stayer, enough.signal, note);
      const offering = offerSlowly(offerer, newIds(count));
      for (let turn = 0; turn < 15; turn++) {
        const goer = await start();
        const going = takeAndAck(goer, enough.signal, note);
        await pause(30);
        await goer.stop();
        await going;
      }
      await offering;
      await eventually(() => acked.size === count);
      await staying;
    });

    test('an idle process asks a few times a second, and not more', async () => {
      const transport = await start();
      const abort = new AbortController();
      const taking = transport.take(QUEUE, freshLanes, 10, abort.signal);
      await eventually(() => waitingPulls('low').then((pulls) => pulls === 1));
      let asked = 0;
      client.subscribe('$JS.API.CONSUMER.MSG.NEXT.>', { callback: () => void asked++ });
      await client.flush();
      await takeFor(transport, 3_000, ['retry']);
      abort.abort();
      await taking;
      expect(asked).toBeGreaterThan(0);
      expect(asked).toBeLessThanOrEqual(4 * 4 + 8);
    });
  });

  async function waitingPulls(lane: string): Promise<number> {
    const manager = await jetstreamManager(client);
    return manager.consumers.info('ROOKERY_TICKET_mail', lane).then(
      (info) => info.num_waiting,
      () => 0,
    );
  }
});

async function takeAndAck(
  taker: NatsTransport,
  signal: AbortSignal,
  note: (ids: readonly string[]) => void,
): Promise<void> {
  for (;;) {
    const tickets = await taker.take(QUEUE, freshLanes, 3, signal);
    if (tickets.length === 0) return;
    for (const ticket of tickets) ticket.ack();
    note(idsOf(tickets));
  }
}

/** One ticket after the other, in no lane for long, over a second or so. */
async function offerSlowly(offerer: NatsTransport, ids: readonly string[]): Promise<void> {
  for (const [number, id] of ids.entries()) {
    offerer.offer(QUEUE, freshLanes[number % 3] ?? 'normal', [id]);
    if (number % 5 === 0) await pause(1);
  }
}

/** A worker of ten slots whose jobs take 10 ms each; answers how many it has run. */
async function work(taker: NatsTransport, signal: AbortSignal, ran: () => void): Promise<number> {
  let free = 10;
  let count = 0;
  let wake = (): void => undefined;
  const running = new Set<Promise<void>>();
  const run = async (ids: number): Promise<void> => {
    free -= ids;
    await pause(10);
    free += ids;
    count += ids;
    for (let id = 0; id < ids; id++) ran();
    wake();
  };
  while (!signal.aborted) {
    if (free <= 0) {
      await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    for (const ticket of await taker.take(QUEUE, freshLanes, free, signal)) {
      ticket.ack();
      const job = run(ticket.ids.length).finally(() => running.delete(job));
      running.add(job);
    }
  }
  await Promise.all(running);
  return count;
}
