import {
  Global,
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { CONFIG, ENTRIES, type EntryName, type RookeryConfig } from '../config/index.js';
import { CLOCK } from '../kernel/clock.js';
import { Health } from '../kernel/health.js';
import { Lifecycle } from '../kernel/lifecycle.js';
import { Metrics } from '../kernel/metrics.js';
import { Retirement } from '../kernel/retirement.js';
import { Database } from '../modules/database/index.js';

/** Timers are not exact. */
const SLACK_MS = 1_000;

/** What every module may inject: the settings, the clock, health, and the lifecycle it ends by. */
@Global()
@Module({})
export class CoreModule implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Shutdown');

  constructor(
    private readonly lifecycle: Lifecycle,
    @Inject(CONFIG) config: RookeryConfig,
  ) {
    const { shutdownDelayMs } = config.http;
    lifecycle.register('unready', 'shutdown delay', shutdownDelayMs + SLACK_MS, () => delay(shutdownDelayMs));
  }

  /** Without a lifecycle each application that the module is booted in has its own. */
  static register(
    config: RookeryConfig,
    entries: readonly EntryName[],
    lifecycle?: Lifecycle,
  ): DynamicModule {
    return {
      module: CoreModule,
      providers: [
        { provide: Lifecycle, useFactory: () => lifecycle ?? new Lifecycle() },
        Health,
        Metrics,
        Retirement,
        { provide: CONFIG, useValue: config },
        { provide: ENTRIES, useValue: entries },
        { provide: CLOCK, inject: [Database], useFactory: (database: Database) => database.clock },
      ],
      exports: [Lifecycle, Health, Metrics, Retirement, CONFIG, ENTRIES, CLOCK],
    };
  }

  /** Before, not on, shutdown: a foreign application's DataSource closes on it, and jobs may still be using that one. */
  async beforeApplicationShutdown(): Promise<void> {
    const failed = new Map<string, string[]>();
    for (const { step, error } of await this.lifecycle.stop())
      failed.set(error.message, [...(failed.get(error.message) ?? []), step]);
    for (const [what, steps] of failed) this.logger.warn(`${steps.join(', ')}: ${what}`);
  }
}
