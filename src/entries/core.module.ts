import { Global, Inject, Logger, Module, type DynamicModule, type OnModuleDestroy } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
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

/** Nest ends modules by their distance from the root, which has 1; this is before all of them. */
const ENDS_FIRST = -1;

/** What every module may inject: the settings, the clock, health, and the lifecycle it ends by. */
@Global()
@Module({})
export class CoreModule implements OnModuleDestroy {
  private readonly logger = new Logger('Shutdown');

  constructor(
    private readonly lifecycle: Lifecycle,
    modules: ModulesContainer,
    @Inject(CONFIG) config: RookeryConfig,
  ) {
    for (const module of modules.values()) if (module.metatype === CoreModule) module.distance = ENDS_FIRST;
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

  /** Before any other hook of the application's end: what its handlers use is closed in those, and jobs may still run. */
  async onModuleDestroy(): Promise<void> {
    const failed = new Map<string, string[]>();
    for (const { step, error } of await this.lifecycle.stop())
      failed.set(error.message, [...(failed.get(error.message) ?? []), step]);
    for (const [what, steps] of failed) this.logger.warn(`${steps.join(', ')}: ${what}`);
  }
}
