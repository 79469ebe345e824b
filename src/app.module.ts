import { Module, type DynamicModule } from '@nestjs/common';
import { JobsModule } from './jobs/jobs.module.js';
import { RookeryModule, type EntryName, type Lifecycle, type RookeryConfig } from './index.js';
import { SamplesModule } from './samples/samples.module.js';

/** Our own application: the platform, the user's job types, and the samples where they are enabled. */
@Module({})
export class AppModule {
  static register(entry: readonly EntryName[], config: RookeryConfig, lifecycle: Lifecycle): DynamicModule {
    return {
      module: AppModule,
      imports: [
        RookeryModule.forRoot({ entry, config, lifecycle }),
        JobsModule,
        // Last, because its root routes must not come before the platform's.
        ...(config.samples.enabled ? [SamplesModule.register(entry)] : []),
      ],
    };
  }
}
