import { Inject, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { CONFIG, type RookeryConfig } from '../../config/index.js';
import { Health } from '../../kernel/health.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Metrics } from '../../kernel/metrics.js';
import { Retirement } from '../../kernel/retirement.js';
import { Database } from '../database/index.js';
import { announceCompleted, hotQuery, JobEnqueuer, JobRegistry, Partitions } from '../job/index.js';
import { TRANSPORT, type Transport } from '../transport/index.js';
import { Caretaker } from './caretaker.js';
import { BatchCloser } from './duties/batch-closer.js';
import { Auditor } from './duties/auditor.js';
import { CounterFolder } from './duties/counter-folder.js';
import { KeySweeper } from './duties/key-sweeper.js';
import { PartitionKeeper } from './duties/partition-keeper.js';
import { Pruner } from './duties/pruner.js';
import { Rescuer } from './duties/rescuer.js';
import { Stager } from './duties/stager.js';
import type { Duty, DutyLog } from './duty.js';
import { Retirer } from './retirer.js';

/** A step under way ends within a second or two. */
const STOP_BUDGET_MS = 5_000;

const provideCaretaker = {
  provide: Caretaker,
  inject: [Database, JobRegistry, Partitions, JobEnqueuer, TRANSPORT, CONFIG],
  useFactory: (
    database: Database,
    registry: JobRegistry,
    partitions: Partitions,
    enqueuer: JobEnqueuer,
    transport: Transport,
    config: RookeryConfig,
  ): Caretaker => {
    const log = new Logger('Duties');
    return new Caretaker(
      database,
      allDuties({ database, registry, partitions, enqueuer, transport, config, log }),
      log,
    );
  },
};

const provideRetirer = {
  provide: Retirer,
  inject: [Database, JobRegistry, TRANSPORT, CONFIG, Retirement],
  useFactory: (
    database: Database,
    registry: JobRegistry,
    transport: Transport,
    { retire, queueNames }: RookeryConfig,
    retirement: Retirement,
  ): Retirer =>
    new Retirer(retire, {
      retirement,
      database,
      transport,
      // Known once the explorer has been there.
      get queues() {
        return queueNames ?? registry.queues;
      },
    }),
};

interface DutyParts {
  readonly database: Database;
  readonly registry: JobRegistry;
  readonly partitions: Partitions;
  readonly enqueuer: JobEnqueuer;
  readonly transport: Transport;
  readonly config: RookeryConfig;
  readonly log: DutyLog;
}

function allDuties({ database, registry, partitions, enqueuer, transport, config, log }: DutyParts): Duty[] {
  const { clock } = database;
  // It only reads: nothing it does has to be durable.
  const stagerQuery = hotQuery(database.hot('stager', { durable: false }));
  return [
    new PartitionKeeper(partitions),
    new Stager({ transport, clock, query: stagerQuery }),
    new Rescuer({
      registry,
      clock,
      log,
      contactMs: () => (database.state.status === 'up' ? database.state.forMs : 0),
      isOneMachine: database.isEmbedded,
      announce: (completed) => announceCompleted({ database, transport, enqueuer }, completed),
    }),
    new Auditor({ transport, config, clock }),
    new CounterFolder(),
    new KeySweeper(clock),
    new BatchCloser({ database, transport, enqueuer }),
    new Pruner({ retention: config.retention, log, connect: () => database.dedicated('pruner') }),
  ];
}

/** Lets this process take its part of the duties, from boot until intake ends, and end when its work is done. */
@Module({ providers: [provideCaretaker, provideRetirer] })
export class SchedulerModule implements OnApplicationBootstrap {
  constructor(
    @Inject(Caretaker) private readonly caretaker: Caretaker,
    @Inject(Retirer) private readonly retirer: Retirer,
    private readonly lifecycle: Lifecycle,
    private readonly health: Health,
    private readonly metrics: Metrics,
  ) {}

  onApplicationBootstrap(): void {
    if (this.lifecycle.isStopping) return;
    this.lifecycle.register('intake', 'duties', STOP_BUDGET_MS, () => this.caretaker.stop());
    this.lifecycle.register('intake', 'retirement', STOP_BUDGET_MS, () => this.retirer.stop());
    this.health.register('duties', () => ({
      isLive: true,
      isReady: true,
      detail: this.caretaker.held.length > 0 ? `holds ${this.caretaker.held.join(', ')}` : 'others hold them',
    }));
    this.metrics.reading({
      name: 'rookery_duty_held',
      help: '1 for each duty that this process holds, 0 for the others; the sum over all processes is 1',
      type: 'gauge',
      labelNames: ['duty'],
      read: () => {
        const held = new Set(this.caretaker.held);
        return this.caretaker.names.map((duty) => ({ labels: { duty }, value: Number(held.has(duty)) }));
      },
    });
    this.caretaker.start();
    this.retirer.start();
  }
}
