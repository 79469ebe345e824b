import { type DynamicModule, type InjectionToken, Logger, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CONFIG, type RookeryConfig } from '../../config/index.js';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Metrics } from '../../kernel/metrics.js';
import type { Entities } from './data-source-options.js';
import { Database } from './database.js';

export interface DatabaseModuleOptions {
  /** A foreign application's DataSource, or its token: Rookery uses its server through connections of its own. */
  readonly dataSource?: DataSource | InjectionToken<DataSource>;
  /** Entities of our own DataSource. */
  readonly entities?: Entities;
}

/** Longest wait for connections, and an embedded server, to end; a checkpoint of a busy server takes some seconds. */
const CLOSE_BUDGET_MS = 15_000;

/** Provides the `Database` to every module, open and migrated before any of them is initialised. Needs CONFIG, Lifecycle and Metrics to be global. */
@Module({})
export class DatabaseModule {
  static register({ dataSource: source, entities }: DatabaseModuleOptions = {}): DynamicModule {
    const given = source instanceof DataSource ? source : undefined;
    const token = source instanceof DataSource ? undefined : source;
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        {
          provide: Database,
          inject: [CONFIG, Lifecycle, Metrics, ...(token === undefined ? [] : [token])],
          useFactory: async (
            config: RookeryConfig,
            lifecycle: Lifecycle,
            metrics: Metrics,
            injected?: DataSource,
          ): Promise<Database> => {
            const dataSource = injected ?? given;
            const database = new Database({
              settings: config.database,
              log: new Logger('Database'),
              metrics,
              ...(dataSource && { dataSource }),
              ...(entities && { entities }),
            });
            // Registered first: a boot that fails later, or is stopped amid the wait for the server, closes it too.
            lifecycle.register('database', 'connections', CLOSE_BUDGET_MS, () => database.close());
            await database.open();
            return database;
          },
        },
      ],
      exports: [Database],
    };
  }
}
