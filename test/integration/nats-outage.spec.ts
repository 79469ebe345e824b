import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { monotonicMs, systemClock } from '../../src/kernel/clock.js';
import { freshLanes, type Ticket } from '../../src/modules/transport/index.js';
import { NatsTransport, type NatsTransportOptions } from '../../src/modules/transport/nats/nats-transport.js';
import { drain, idsOf, newIds, QUEUE, takeFor, takeOne, takeSome } from '../contract/transport-harness.js';
import { eventually } from '../support/eventually.js';
import { failOnLeaks } from '../support/leaks.js';
import { type NatsServer, type NatsServerOptions, openNatsServer } from '../support/nats-server.js';
import { openTcpProxy } from '../support/tcp-proxy.js';

/** From the server's return to the first ticket. */
const BACK_WITHIN_MS = 5_000;

describe('NATS away', () => {
  failOnLeaks();

  const servers: NatsServer[] = [];
  const transports: NatsTransport[] = [];
  let said: string[] = [];

  beforeEach(() => {
    said = [];
    const note = (text: string): void => void said.push(text);
    Logger.overrideLogger({ log: note, warn: note, error: note });
  });

  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.stop()));
    await Promise.all(servers.splice(0).map((server) => server.close()));
    Logger.overrideLogger(false);
  });

  async function openServer(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = await openNatsServer(options);
    servers.push(server);
    return server;
  }

  async function start(url: string, options: Partial<NatsTransportOptions> = {}): Promise<NatsTransport> {
    const transport = new NatsTransport({ access: { servers: url }, clock: systemClock, ...options });
    transports.push(transport);
    await transport.start();
    return transport;
  }

  async function startAvailable(
    url: string,
    options: Partial<NatsTransportOptions> = {},
  ): Promise<NatsTransport> {
    const transport = await start(url, options);
    await eventually(() => transport.isAvailable, { everyMs: 2 });
    return transport;
  }

  function gapsOf(transport: NatsTransport): (string | undefined)[] {
    const gaps: (string | undefined)[] = [];
    transport.onGap((queue) => void gaps.push(queue));
    return gaps;
  }

  describe('at boot', () => {
    test('the start does not wait, offers are dropped and reported, and tickets flow once it comes', async () => {
      const server = await openServer({ isStarted: false });
      const transport = await start(server.url);
      const gaps = gapsOf(transport);
      const taking = takeSome(transport, { maxIds: 3 });
      transport.offer(QUEUE, 'normal', newIds(2));
      expect(transport.stats).toMatchObject({ offered: 2, dropped: 2 });
      await eventually(() => gaps.length > 0);
      expect(gaps).toEqual([QUEUE]);
      expect(transport.isAvailable).toBe(false);
      expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'unknown' });

      await server.start();
      await eventually(() => transport.isAvailable);
      const ids = newIds(3);
      transport.offer(QUEUE, 'normal', ids);
      expect(idsOf(await taking)).toEqual(ids);
    });

    test('it is said once that it is away and once that it is there', async () => {
      const server = await openServer({ isStarted: false });
      const transport = await start(server.url);
      await eventually(() => said.length > 0);
      // Several tries later.
      const triedAt = monotonicMs();
      await eventually(() => monotonicMs() - triedAt > 1_500);
      await server.start();
      await eventually(() => transport.isAvailable);
      expect(said).toEqual([
        expect.stringContaining('NATS is away (connection refused'),
        expect.stringContaining('NATS is back'),
      ]);
    });

    test('a stop while it is away is at once', async () => {
      const server = await openServer({ isStarted: false });
      const transport = await start(server.url);
      const taking = transport.take(QUEUE, freshLanes, 1, new AbortController().signal);
      const stoppedAt = monotonicMs();
      await transport.stop();
      expect(await taking).toEqual([]);
      expect(monotonicMs() - stoppedAt).toBeLessThan(1_000);
    });

    test('a server without JetStream is as good as none, until it has it', async () => {
      const server = await openServer({ hasJetStream: false });
      const transport = await start(server.url);
      await eventually(() => said.some((line) => line.includes('JetStream')));
      expect(transport.isAvailable).toBe(false);
      const port = server.port;
      await server.stop();
      const complete = await openServer({ port });
      expect(complete.port).toBe(port);
      await eventually(() => transport.isAvailable);
    });
  });

  describe('killed', () => {
    test('with its store wiped: tickets flow again within seconds of its return, and a gap in every queue is reported', async () => {
      const server = await openServer();
      const [offerer, taker] = [await startAvailable(server.url), await startAvailable(server.url)];
      const gaps = [gapsOf(offerer), gapsOf(taker)];
      offerer.offer(QUEUE, 'normal', newIds(2));
      const held = await takeOne(taker);
      const taking = takeSome(taker, { lanes: ['retry'] });
      offerer.offer(QUEUE, 'normal', newIds(50));
      await offerer.flush();

      await server.kill();
      await eventually(() => !offerer.isAvailable && !taker.isAvailable, { everyMs: 2 });
      offerer.offer(QUEUE, 'normal', newIds(7));
      expect(offerer.stats.dropped).toBe(7);
      await server.start({ isWiped: true });
      const backAt = monotonicMs();
      const retried = newIds(1);
      await eventually(() => offerer.isAvailable, { everyMs: 2 });
      offerer.offer(QUEUE, 'retry', retried);
      expect(idsOf(await taking)).toEqual(retried);
      expect(monotonicMs() - backAt).toBeLessThan(BACK_WITHIN_MS);
      for (const heard of gaps) await eventually(() => heard.includes(undefined));

      // Its ack carries a sequence number that a new ticket has by now.
      const ids = newIds(3);
      for (const id of ids) offerer.offer(QUEUE, 'normal', [id]);
      const taken = await takeSome(taker, { maxIds: 3 });
      held.ack();
      await taker.flush();
      expect((await taker.oldestTicketAt(QUEUE, 'normal')).kind).toBe('at');
      for (const ticket of taken) ticket.giveBack();
      expect(new Set(idsOf(await drain(taker, 3)))).toEqual(new Set(ids));
    });

    test('with its store kept: no ticket is lost, and those taken before are settled after', async () => {
      const server = await openServer();
      const transport = await startAvailable(server.url);
      const gaps = gapsOf(transport);
      const ids = newIds(10);
      for (const id of ids) transport.offer(QUEUE, 'normal', [id]);
      const [acked, givenBack] = (await takeAll(transport, 2)) as [Ticket, Ticket];
      await server.kill();
      await eventually(() => !transport.isAvailable, { everyMs: 2 });
      acked.ack();
      givenBack.giveBack();
      await server.start();
      const backAt = monotonicMs();
      const wanted = new Set(ids.slice(1));
      // A server that was killed may have forgotten what was delivered or acked last, and delivers it again.
      while (wanted.size > 0) for (const id of idsOf(await drain(transport, 1))) wanted.delete(id);
      expect(monotonicMs() - backAt).toBeLessThan(BACK_WITHIN_MS);
      expect(gaps).toEqual([]);
    });

    test('with its store kept, again and again: no ticket is left behind that nobody gets', async () => {
      const server = await openServer();
      const transport = await startAvailable(server.url, { ackWaitMs: 1_000 });
      for (let turn = 0; turn < 3; turn++) {
        for (const id of newIds(20)) transport.offer(QUEUE, 'normal', [id]);
        await drain(transport, 15);
        await takeAll(transport, 2);
        await transport.flush();
        await server.kill();
        await eventually(() => !transport.isAvailable, { everyMs: 2 });
        await server.start();
        await eventually(() => transport.isAvailable, { everyMs: 2 });
      }
      await eventually(
        async () => {
          for (const ticket of await takeFor(transport, 100)) ticket.ack();
          return (await transport.oldestTicketAt(QUEUE, 'normal')).kind === 'none';
        },
        { withinMs: 20_000 },
      );
    });

    test('under load: nothing throws, and every id is acked, dropped or lost with the store', async () => {
      const server = await openServer();
      const [offerer, taker] = [await startAvailable(server.url), await startAvailable(server.url)];
      const stopping = new AbortController();
      let acked = 0;
      const taking = takeAndAck(taker, stopping.signal, (ids) => void (acked += ids));
      const offering = offerAllTheTime(offerer, stopping.signal);
      await eventually(() => acked > 2_000);
      await server.kill();
      await eventually(() => !taker.isAvailable, { everyMs: 2 });
      await server.start({ isWiped: true });
      const before = acked;
      const backAt = monotonicMs();
      await eventually(() => acked > before + 2_000, { everyMs: 5 });
      expect(monotonicMs() - backAt).toBeLessThan(BACK_WITHIN_MS);
      stopping.abort();
      await Promise.all([taking, offering]);
      expect(acked + offerer.stats.dropped).toBeLessThanOrEqual(offerer.stats.offered);
      expect(offerer.stats.dropped).toBeGreaterThan(0);
    });

    test('again and again: it is said once a change', async () => {
      const server = await openServer();
      const transport = await startAvailable(server.url);
      for (let turn = 0; turn < 3; turn++) {
        await server.kill();
        await eventually(() => !transport.isAvailable, { everyMs: 2 });
        await server.start({ isWiped: turn % 2 === 0 });
        await eventually(() => transport.isAvailable, { everyMs: 2 });
        transport.offer(QUEUE, 'normal', newIds(1));
        await drain(transport, 1);
      }
      const changes = said.map((line) => /NATS is (\w+)/.exec(line)?.[1]);
      // A try in mid-start may meet another reason; it never says the same twice.
      expect(new Set(said.slice(1)).size).toBeLessThanOrEqual(4);
      expect(changes.filter((change) => change === 'back').length).toBe(3);
    });

    test('a million ids offered while it is away leave no memory behind and a report now and then', async () => {
      const server = await openServer();
      const transport = await startAvailable(server.url);
      const gaps = gapsOf(transport);
      await server.kill();
      await eventually(() => !transport.isAvailable, { everyMs: 2 });
      const ids = newIds(25);
      const startedAt = monotonicMs();
      for (let offered = 0; offered < 1_000_000; offered += 25) transport.offer(QUEUE, 'normal', ids);
      expect(transport.stats.dropped).toBe(1_000_000);
      await eventually(() => gaps.length > 0);
      expect(gaps.length).toBeLessThanOrEqual(2 + (monotonicMs() - startedAt) / 100);
    });
  });

  describe('its things gone while it runs', () => {
    test('a stream deleted by hand is made again, and a gap is reported', async () => {
      const server = await openServer();
      const transport = await startAvailable(server.url);
      const gaps = gapsOf(transport);
      transport.offer(QUEUE, 'normal', newIds(3));
      const taking = takeSome(transport, { lanes: ['retry'] });
      await transport.flush();
      await manage(server, (manager) => manager.streams.delete(`ROOKERY_TICKET_${QUEUE}`));
      await eventually(() => {
        transport.offer(QUEUE, 'retry', newIds(1));
        return gaps.includes(undefined);
      });
      await taking;
      expect(await takeFor(transport, 50)).toEqual([]);
    });

    test('a consumer deleted by hand is made again, and no ticket is lost', async () => {
      const server = await openServer();
      const transport = await startAvailable(server.url);
      const ids = newIds(3);
      transport.offer(QUEUE, 'normal', ids);
      await transport.flush();
      await manage(server, (manager) => manager.consumers.delete(`ROOKERY_TICKET_${QUEUE}`, 'normal'));
      expect(idsOf(await drain(transport, 3))).toEqual(ids);
    });

    test('a stream that an operator made with other settings is used as it is', async () => {
      const server = await openServer();
      await manage(server, (manager) =>
        manager.streams.add({
          name: `ROOKERY_TICKET_${QUEUE}`,
          subjects: [`rookery.ticket.${QUEUE}.*`],
          retention: 'workqueue',
          discard: 'new',
          max_msgs: 2,
        }),
      );
      const transport = await startAvailable(server.url);
      for (const id of newIds(3)) transport.offer(QUEUE, 'normal', [id]);
      await transport.flush();
      expect(transport.stats.dropped).toBe(1);
      await drain(transport, 2);
    });

    test('a stream that cannot be made makes the transport unavailable, so that jobs are found in the table', async () => {
      const server = await openServer();
      await manage(server, (manager) =>
        manager.streams.add({ name: 'in_the_way', subjects: ['rookery.ticket.>'], retention: 'limits' }),
      );
      const transport = await startAvailable(server.url);
      transport.offer(QUEUE, 'normal', newIds(3));
      await eventually(() => !transport.isAvailable);
      await eventually(() => transport.stats.dropped === 3);
      expect(await transport.oldestTicketAt(QUEUE, 'normal')).toEqual({ kind: 'unknown' });
      await manage(server, (manager) => manager.streams.delete('in_the_way'));
      await eventually(() => transport.isAvailable);
      transport.offer(QUEUE, 'normal', newIds(1));
      await drain(transport, 1);
    });
  });

  test(
    'a connection that falls silent is given up, and tickets flow once it speaks',
    { timeout: 60_000 },
    async () => {
      const server = await openServer();
      const proxy = await openTcpProxy({ host: '127.0.0.1', port: server.port });
      const transport = await startAvailable(`nats://127.0.0.1:${proxy.port}`);
      const taking = transport.take(QUEUE, freshLanes, 1, new AbortController().signal);
      await transport.flush();
      proxy.silence();
      await eventually(() => !transport.isAvailable, { withinMs: 20_000 });
      await proxy.cut();
      await proxy.restore();
      await eventually(() => transport.isAvailable);
      const ids = newIds(1);
      transport.offer(QUEUE, 'high', ids);
      expect(idsOf(await taking)).toEqual(ids);
      await transport.stop();
      await proxy.close();
    },
  );
});

async function takeAll(transport: NatsTransport, count: number): Promise<Ticket[]> {
  const tickets: Ticket[] = [];
  while (tickets.length < count)
    tickets.push(...(await takeSome(transport, { maxIds: count - tickets.length })));
  return tickets;
}

async function takeAndAck(
  transport: NatsTransport,
  signal: AbortSignal,
  acked: (ids: number) => void,
): Promise<void> {
  for (;;) {
    const tickets = await transport.take(QUEUE, freshLanes, 100, signal);
    if (tickets.length === 0) return;
    for (const ticket of tickets) ticket.ack();
    acked(idsOf(tickets).length);
  }
}

async function offerAllTheTime(transport: NatsTransport, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const id of newIds(20)) transport.offer(QUEUE, 'normal', [id]);
    await eventually(() => true);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function manage<Result>(
  server: NatsServer,
  work: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<Result>,
): Promise<void> {
  const connection = await connect({ servers: server.url });
  try {
    await work(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}
