import { type DynamicModule, Inject, Logger, Module, type OnModuleInit } from '@nestjs/common';
import type { NatsSettings } from '../../config/index.js';
import { CLOCK, type Clock } from '../../kernel/clock.js';
import { Health } from '../../kernel/health.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Metrics } from '../../kernel/metrics.js';
import { InProcessTransport } from './in-process/in-process-transport.js';
import { natsAccessOf } from './nats-access-of.js';
import { NatsTransport } from './nats/nats-transport.js';
import { PUBLISHER, silentPublisher, type Publisher } from './publisher.js';
import { TableOnlyTransport } from './table-only/table-only-transport.js';
import { TRANSPORT, type Transport } from './transport.js';

/**
 * How tickets travel: by NATS, within this process, or not at all because other processes serve the same queues and share
 * only the database.
 */
export type TransportModuleOptions =
  | { readonly kind: 'nats'; readonly nats: NatsSettings }
  | { readonly kind: 'in-process' }
  | { readonly kind: 'table-only' };

const OPTIONS = Symbol('rookery:transport-options');

/** Stopping has nothing to wait for but a server's answer to the tickets given back. */
const STOP_BUDGET_MS = 5_000;

/**
 * Provides `TRANSPORT` to every module, started before any of them bootstraps; the shutdown stops it once the work is settled. Its
 * health never fails the process: without it jobs are found in the table.
 */
@Module({})
export class TransportModule implements OnModuleInit {
  static register(options: TransportModuleOptions): DynamicModule {
    return {
      module: TransportModule,
      global: true,
      providers: [
        { provide: OPTIONS, useValue: options },
        { provide: TRANSPORT, inject: [CLOCK], useFactory: (clock: Clock) => makeTransport(options, clock) },
        {
          provide: PUBLISHER,
          inject: [TRANSPORT],
          useFactory: (transport: Transport): Publisher =>
            transport instanceof NatsTransport ? transport : silentPublisher,
        },
      ],
      exports: [TRANSPORT, PUBLISHER],
    };
  }

  constructor(
    @Inject(OPTIONS) private readonly options: TransportModuleOptions,
    @Inject(TRANSPORT) private readonly transport: Transport,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(Health) private readonly health: Health,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  async onModuleInit(): Promise<void> {
    const { options, transport } = this;
    this.lifecycle.register('outlets', 'transport', STOP_BUDGET_MS, () => transport.stop());
    this.health.register('transport', () => ({
      isLive: true,
      isReady: true,
      detail: describe(options, transport),
    }));
    this.measure();
    if (options.kind === 'table-only') {
      new Logger('Transport').log(
        'no NATS_URL: works from the table; a job starts up to about a second later',
      );
    }
    await transport.start();
  }

  private measure(): void {
    const { transport } = this;
    this.metrics.reading({
      name: 'rookery_tickets_total',
      help: 'Job ids that went through the tickets of this process, by what became of them',
      type: 'counter',
      labelNames: ['event'],
      read: () =>
        Object.entries(transport.stats).map(([event, value]) => ({
          labels: { event },
          value: Number(value),
        })),
    });
    this.metrics.reading({
      name: 'rookery_transport_up',
      help: '1 while tickets travel; else jobs are found in the table, as always with table-only',
      type: 'gauge',
      labelNames: ['transport'],
      read: () => [{ labels: { transport: this.options.kind }, value: Number(transport.isAvailable) }],
    });
  }
}

function makeTransport(options: TransportModuleOptions, clock: Clock): Transport {
  switch (options.kind) {
    case 'nats': {
      const { prefix, replicas } = options.nats;
      return new NatsTransport({
        access: natsAccessOf(options.nats),
        clock,
        replicas,
        ...(prefix !== undefined && { prefix }),
      });
    }
    case 'in-process':
      return new InProcessTransport({ clock });
    case 'table-only':
      return new TableOnlyTransport();
  }
}

function describe({ kind }: TransportModuleOptions, { isAvailable }: Transport): string {
  switch (kind) {
    case 'nats':
      return isAvailable ? 'NATS is there' : 'NATS is away; jobs are found in the table';
    case 'in-process':
      return 'within this process';
    case 'table-only':
      return 'no NATS_URL; works from the table';
  }
}
