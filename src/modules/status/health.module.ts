import { Inject, Module, type NestModule, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ENTRIES, type EntryName } from '../../config/index.js';
import { Health } from '../../kernel/health.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Metrics } from '../../kernel/metrics.js';
import { Database } from '../database/index.js';
import { Answer } from '../job/index.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { HttpMeter } from './http-meter.js';
import { processRegistry } from './process-registry.js';

/**
 * The routes that every process has, whatever else it is: its health and its metrics; with the parts every process has, its connection to the
 * database, and itself until it is told to stop.
 */
@Module({ controllers: [HealthController, MetricsController], providers: [Answer, HttpMeter] })
export class HealthModule implements NestModule, OnModuleInit {
  constructor(
    @Inject(Health) private readonly health: Health,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(ENTRIES) private readonly entries: readonly EntryName[],
    private readonly database: Database,
    private readonly httpMeter: HttpMeter,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Called once the HTTP server is there and before any route is added; never in an application context, which nobody can scrape. */
  configure(): void {
    this.httpMeter.watch(this.adapterHost.httpAdapter);
    processRegistry();
  }

  onModuleInit(): void {
    this.metrics.reading({
      name: 'rookery_process_info',
      help: 'Always 1; tells what the process is',
      type: 'gauge',
      labelNames: ['entry'],
      read: () => [{ labels: { entry: this.entries.join(',') }, value: 1 }],
    });
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
      help: 'Sessions of a pool: open, busy, and requests that wait for one',
      type: 'gauge',
      labelNames: ['pool', 'state'],
      read: () =>
        [...this.database.pools].flatMap(([pool, { open, busy, waiting }]) => [
          { labels: { pool, state: 'open' }, value: open },
          { labels: { pool, state: 'busy' }, value: busy },
          { labels: { pool, state: 'waiting' }, value: waiting },
        ]),
    });
    this.metrics.reading({
      name: 'rookery_reconnects_total',
      help: 'Sessions of a hot connection opened after an earlier one broke',
      type: 'counter',
      labelNames: ['connection'],
      read: () =>
        this.database.hotStats.map(({ name, reconnects }) => ({
          labels: { connection: name },
          value: reconnects,
        })),
    });
  }
}
