import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { RookeryError } from '../../kernel/errors.js';
import { JobRegistry, type JobType } from '../job/index.js';
import { SCHEDULES_METADATA, type ScheduledOptions } from './scheduled.decorator.js';

/** A schedule of this process's code, with the type of its jobs. */
export interface CodeSchedule {
  readonly type: JobType;
  readonly options: ScheduledOptions;
}

/** Finds what `@Scheduled` says among the providers. */
@Injectable()
export class CodeSchedules {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly registry: JobRegistry,
  ) {}

  /** Every schedule in code, by name. Throws `invalid_config` for two of one name, and for one on a class that handles no jobs. */
  find(): CodeSchedule[] {
    const found = new Map<string, CodeSchedule & { readonly className: string }>();
    for (const { instance } of this.discovery.getProviders()) {
      for (const schedule of this.schedulesOf(instance)) {
        const { name } = schedule.options;
        const known = found.get(name);
        if (known && known.className !== schedule.className)
          throw twice(name, known.className, schedule.className);
        if (known && known.options !== schedule.options) throw twice(name, schedule.className);
        found.set(name, schedule);
      }
    }
    return [...found.values()].sort((a, b) => (a.options.name < b.options.name ? -1 : 1));
  }

  private schedulesOf(instance: unknown): (CodeSchedule & { readonly className: string })[] {
    if (typeof instance !== 'object' || instance === null) return [];
    const { constructor } = instance;
    const schedules = Reflect.getMetadata(SCHEDULES_METADATA, constructor) as ScheduledOptions[] | undefined;
    if (!schedules) return [];
    const type = this.registry.all.find(({ name }) => this.registry.handlerOf(name) === instance);
    if (!type) {
      throw new RookeryError(
        'invalid_config',
        `@Scheduled stands on ${constructor.name}, which handles no jobs; put it on a class with @JobHandler`,
      );
    }
    return schedules.map((options) => ({ type, options, className: constructor.name }));
  }
}

function twice(name: string, ...classes: readonly string[]): RookeryError {
  return new RookeryError(
    'invalid_config',
    `two schedules are named ${JSON.stringify(name)}, on ${classes.join(' and ')}; rename one of them`,
  );
}
