import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/kernel/clock.js';
import { MAX_TICKET_IDS } from '../../src/modules/transport/index.js';
import { NatsTransport } from '../../src/modules/transport/nats/nats-transport.js';
import { eventually } from '../support/eventually.js';
import { openNats, type SharedNats } from '../support/nats-server.js';
import type { HarnessOptions, TransportHarness } from './transport-harness.js';
import { describeTransport } from './transport.contract.js';

let nats: SharedNats;

beforeAll(async () => {
  Logger.overrideLogger(false);
  nats = await openNats();
});

afterAll(async () => {
  await nats?.close();
});

describeTransport('nats', { open, shortestAckWaitMs: 700, clockToleranceMs: 0, isShared: true });

/** Each process has a connection of its own; the world of a test is a prefix. */
async function open({ processes = 1, ackWaitMs, maxIdsPerLane }: HarnessOptions): Promise<TransportHarness> {
  const prefix = `t${randomUUID()}`;
  const made: NatsTransport[] = [];
  const newProcess = (): NatsTransport => {
    const transport = new NatsTransport({
      access: { servers: nats.url },
      clock: systemClock,
      prefix,
      onListenerError: () => undefined,
      ...(ackWaitMs !== undefined && { ackWaitMs }),
      ...(maxIdsPerLane !== undefined && { maxTicketsPerQueue: maxIdsPerLane / MAX_TICKET_IDS }),
    });
    made.push(transport);
    return transport;
  };
  const transports = Array.from({ length: processes }, newProcess);
  await Promise.all(transports.map((transport) => transport.start()));
  await eventually(() => transports.every((transport) => transport.isAvailable), { everyMs: 1 });
  return {
    processes: transports,
    clock: systemClock,
    newProcess,
    flush: async () => {
      await Promise.all(made.map((transport) => transport.flush()));
    },
    close: async () => {
      await Promise.all(made.map((transport) => transport.stop()));
      await removeStreams(prefix);
    },
  };
}

async function removeStreams(prefix: string): Promise<void> {
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  for await (const name of manager.streams.names())
    if (name.startsWith(prefix)) await manager.streams.delete(name);
  await connection.close();
}
