import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { JobsModule } from './jobs/jobs.module.js';
import {
  ProblemFilter,
  RookeryModule,
  hasApi,
  hasDashboard,
  type EntryName,
  type Lifecycle,
  type RookeryConfig,
} from './index.js';
import { homeAt } from './home-at.js';
import { SamplesModule } from './samples/samples.module.js';

/** Our own application: the platform, the user's job types, and the samples where they are enabled. */
@Module({})
export class AppModule {
  static register(entry: readonly EntryName[], config: RookeryConfig, lifecycle: Lifecycle): DynamicModule {
    return {
      module: AppModule,
      // Errors outside the API's own routes, as an unknown path, are problems too.
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
      controllers: hasApi(entry) ? [homeAt(hasDashboard(entry) ? '/dashboard' : '/status')] : [],
      imports: [
        RookeryModule.forRoot({ entry, config, lifecycle }),
        JobsModule,
        // Last, because its root routes must not come before the platform's.
        ...(config.samples.enabled ? [SamplesModule.register(entry)] : []),
      ],
    };
  }
}
