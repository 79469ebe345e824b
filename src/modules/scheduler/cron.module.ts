import { Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Lifecycle } from '../../kernel/lifecycle.js';
import { Retirement } from '../../kernel/retirement.js';
import { Database } from '../database/index.js';
import { JobEnqueuer, JobRegistry, JobService } from '../job/index.js';
import { CodeSchedules } from './code-schedules.js';
import { Firer } from './firer.js';
import { ScheduleService } from './schedule.service.js';

/** A transaction under way ends within a second or two. */
const STOP_BUDGET_MS = 5_000;

const provideFirer = {
  provide: Firer,
  inject: [Database, JobService, JobEnqueuer, JobRegistry, ScheduleService, CodeSchedules, SchedulerRegistry],
  useFactory: (
    database: Database,
    jobs: JobService,
    enqueuer: JobEnqueuer,
    registry: JobRegistry,
    service: ScheduleService,
    code: CodeSchedules,
    timers: SchedulerRegistry,
  ): Firer => new Firer({ database, jobs, enqueuer, registry, service, code, timers }),
};

/** Fires schedules, from boot until intake ends. */
@Module({
  imports: [DiscoveryModule, ScheduleModule.forRoot()],
  providers: [ScheduleService, CodeSchedules, provideFirer],
})
export class CronModule implements OnApplicationBootstrap {
  constructor(
    @Inject(Firer) private readonly firer: Firer,
    private readonly lifecycle: Lifecycle,
    private readonly retirement: Retirement,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.lifecycle.isStopping) return;
    this.lifecycle.register('intake', 'schedules', STOP_BUDGET_MS, () => this.firer.stop());
    this.retirement.register(this.firer);
    await this.firer.start();
  }
}
