import { Global, Inject, Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, expect, test } from 'vitest';
import { CLOCK } from '../../src/kernel/clock.js';
import { Health } from '../../src/kernel/health.js';
import { Metrics } from '../../src/kernel/metrics.js';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import {
  freshLanes,
  InProcessTransport,
  TableOnlyTransport,
  TRANSPORT,
  type Transport,
  TransportModule,
  type TransportModuleOptions,
} from '../../src/modules/transport/index.js';

const NOW = 1_700_000_000_000;

@Global()
@Module({
  providers: [Lifecycle, Health, Metrics, { provide: CLOCK, useValue: { now: () => NOW } }],
  exports: [Lifecycle, Health, Metrics, CLOCK],
})
class KernelStandIn {}

/** A module that needs the transport as soon as it bootstraps, as the worker does. */
@Injectable()
class Consumer implements OnApplicationBootstrap {
  wasAvailable: boolean | undefined;

  constructor(@Inject(TRANSPORT) readonly transport: Transport) {}

  onApplicationBootstrap(): void {
    this.wasAvailable = this.transport.isAvailable;
  }
}

@Module({ providers: [Consumer] })
class ConsumerModule {}

let app: TestingModule | undefined;

async function boot(options: TransportModuleOptions): Promise<TestingModule> {
  const imports = [KernelStandIn, ConsumerModule, TransportModule.register(options)];
  app = await Test.createTestingModule({ imports }).compile();
  return app.init();
}

afterEach(() => app?.close());

test('an in-process transport is started before any module bootstraps, and on the kernel clock', async () => {
  const booted = await boot({ kind: 'in-process' });
  const { transport, wasAvailable } = booted.get(Consumer);
  expect(transport).toBeInstanceOf(InProcessTransport);
  expect(wasAvailable).toBe(true);
  transport.offer('mail', 'normal', ['01890000-0000-7000-8000-000000000001']);
  expect(await transport.oldestTicketAt('mail', 'normal')).toEqual({ kind: 'at', at: NOW });
});

test('the shutdown stops the transport and ends who waits for tickets', async () => {
  const booted = await boot({ kind: 'in-process' });
  const { transport } = booted.get(Consumer);
  const taking = transport.take('mail', freshLanes, 1, new AbortController().signal);
  expect(await booted.get(Lifecycle).stop()).toEqual([]);
  expect(await taking).toEqual([]);
  expect(transport.isAvailable).toBe(false);
});

test('a table-only transport is never available', async () => {
  const booted = await boot({ kind: 'table-only' });
  expect(booted.get(Consumer).transport).toBeInstanceOf(TableOnlyTransport);
  expect(booted.get(Consumer).wasAvailable).toBe(false);
});

test.each([
  ['in-process', 'within this process'],
  ['table-only', 'no NATS_URL; works from the table'],
] as const)(
  'health says how tickets travel, and is never the reason for a restart: %s',
  async (kind, detail) => {
    const booted = await boot({ kind });
    expect(booted.get(Health).report()).toEqual({ transport: { isLive: true, isReady: true, detail } });
  },
);
