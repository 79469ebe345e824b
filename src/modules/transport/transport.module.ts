import { type DynamicModule, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { CLOCK, type Clock } from '../../kernel/clock.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { InProcessTransport } from './in-process/in-process-transport.js';
import { TableOnlyTransport } from './table-only/table-only-transport.js';
import { TRANSPORT, type Transport } from './transport.js';

/** How tickets travel: within this process, or not at all because other processes serve the same queues and share only the database. */
export interface TransportModuleOptions {
  readonly kind: 'in-process' | 'table-only';
}

/** Stopping has nothing to wait for but a server's answer to the tickets given back. */
const STOP_BUDGET_MS = 5_000;

/** Provides `TRANSPORT` to every module, started before any of them bootstraps; the shutdown stops it once the work is settled. */
@Module({})
export class TransportModule implements OnModuleInit {
  static register(options: TransportModuleOptions): DynamicModule {
    return {
      module: TransportModule,
      global: true,
      providers: [
        { provide: TRANSPORT, inject: [CLOCK], useFactory: (clock: Clock) => makeTransport(options, clock) },
      ],
      exports: [TRANSPORT],
    };
  }

  constructor(
    @Inject(TRANSPORT) private readonly transport: Transport,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
  ) {}

  async onModuleInit(): Promise<void> {
    this.lifecycle.register('outlets', 'transport', STOP_BUDGET_MS, () => this.transport.stop());
    await this.transport.start();
  }
}

function makeTransport(options: TransportModuleOptions, clock: Clock): Transport {
  switch (options.kind) {
    case 'in-process':
      return new InProcessTransport({ clock });
    case 'table-only':
      return new TableOnlyTransport();
  }
}
