import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Health } from '../../kernel/health.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Metrics } from '../../kernel/metrics.js';
import { Database } from '../database/index.js';
import { Answer } from '../job/index.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { measureProcess } from './process-metrics.js';

/** Ends a timer. */
const METRICS_BUDGET_MS = 1_000;

/**
 * The routes that every process has, whatever else it is: its health and its metrics; with the parts every process has, its connection to the
 * database, and itself until it is told to stop.
 */
@Module({ controllers: [HealthController, MetricsController], providers: [Answer] })
export class HealthModule implements OnModuleInit {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(Metrics) private readonly metrics: Metrics,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    const endMeasuring = measureProcess(this.metrics);
    this.lifecycle.register('outlets', 'metrics', METRICS_BUDGET_MS, endMeasuring);
    this.measureDatabase();
    this.health.register('process', () => {
      const isReady = !this.lifecycle.isStopping;
      return { isLive: true, isReady, detail: isReady ? 'running' : 'shutting down' };
    });
    this.health.register('database', () => {
      const { state } = this.database;
      const isReady = state.status === 'up';
      const seconds = Math.round(state.forMs / 1000);
      // A restart would not bring the database back.
      return {
        isLive: true,
        isReady,
        detail: isReady ? `connected for ${seconds} s` : `away for ${seconds} s`,
      };
    });
  }

  private measureDatabase(): void {
    this.metrics.value('rookery_database_up', '1 while the database answers', () =>
      Number(this.database.state.status === 'up'),
    );
    this.metrics.reading({
      name: 'rookery_pool_sessions',
      help: 'Sessions of the control pool: open, busy, and requests that wait for one',
      type: 'gauge',
      labelNames: ['state'],
      read: () =>
        Object.entries(this.database.control.stats).map(([state, value]) => ({ labels: { state }, value })),
    });
  }
}
