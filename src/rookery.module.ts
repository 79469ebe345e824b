import { Module, type DynamicModule, type InjectionToken, type Type } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { defineConfig, hasApi, type EntryName, type RookeryConfig } from './config/index.js';
import { RookeryError } from './kernel/errors.js';
import type { Lifecycle } from './kernel/lifecycle.js';
import { CoreModule } from './entries/core.module.js';
import { entryModules, isSelfContained } from './entries/entry-modules.js';
import { AccessModule } from './modules/access/index.js';
import { DatabaseModule } from './modules/database/index.js';
import { JobModule, JobTypeList, isHandlerClass, type Handler, type JobType } from './modules/job/index.js';
import { TransportModule, type TransportModuleOptions } from './modules/transport/index.js';

export interface RookeryOptions {
  /** What this process is: `all`, `job`, `worker`, `scheduler`, `status`, or several of them. */
  readonly entry: EntryName | readonly EntryName[];
  /**
   * The application's own TypeORM DataSource (postgres), or the token it is injected by: Rookery then keeps its tables in
   * the same database, so that jobs can be enqueued in the application's transactions. It uses connections of its own.
   */
  readonly dataSource?: DataSource | InjectionToken<DataSource>;
  /** Settings made by `defineConfig` or `loadConfig`. Default: `defineConfig()`, the defaults and the environment. */
  readonly config?: RookeryConfig;
  /**
   * Orders the shutdown; the application may register steps of its own. Runs once, when the application closes. Default: a new one
   * each time the module is booted, which `app.get(Lifecycle)` answers.
   */
  readonly lifecycle?: Lifecycle;
}

/**
 * Rookery in a Nest application: `forRoot` once, `forFeature` wherever handlers are provided. Our own main.ts uses
 * nothing else.
 */
@Module({})
export class RookeryModule {
  /** The platform itself. Boot fails with the remedy when the database stays away, is newer than the code, or a job type is ambiguous. */
  static forRoot({ entry, dataSource, config = defineConfig(), lifecycle }: RookeryOptions): DynamicModule {
    const entries = typeof entry === 'string' ? [entry] : entry;
    refuseRetiringApi(entries, config);
    return {
      module: RookeryModule,
      imports: [
        CoreModule.register(config, entries, lifecycle),
        DatabaseModule.register(dataSource ? { dataSource } : {}),
        TransportModule.register(transportOf(entries, config)),
        AccessModule,
        JobModule,
        ...entryModules(entries),
      ],
    };
  }

  /**
   * Provides handlers, and makes job types known that this application only enqueues. What the handlers inject comes
   * from `imports`, or from global modules. Throws `invalid_config` for what is neither.
   */
  static forFeature(
    jobs: readonly (Type<Handler> | JobType)[],
    imports: NonNullable<DynamicModule['imports']> = [],
  ): DynamicModule {
    for (const [index, job] of jobs.entries()) refuseStranger(job, index);
    const handlers = jobs.filter((job): job is Type<Handler> => typeof job === 'function');
    const types = jobs.filter((job): job is JobType => typeof job !== 'function');
    return {
      module: JobFeatureModule,
      imports,
      providers: [...handlers, { provide: JobTypeList, useValue: new JobTypeList(types) }],
      exports: handlers,
    };
  }
}

/** A process that answers for jobs is there for others, who cannot know when it has nothing to do. */
function refuseRetiringApi(entries: readonly EntryName[], { retire }: RookeryConfig): void {
  if (retire.idleTimeoutMs === null && retire.untilFin === false) return;
  if (!hasApi(entries)) return;
  const setting = retire.untilFin === false ? '--idle-timeout' : '--until-fin';
  throw new RookeryError(
    'invalid_config',
    `${setting} ends a worker or a scheduler when its work is done, but ${entries.join(', ')} answers for jobs; start it with --entry worker`,
  );
}

/** Nest would take any class, and its jobs would never run; where two files import each other, one of them may see `undefined`. */
function refuseStranger(job: Type<Handler> | JobType | undefined, index: number): void {
  const isKnown = typeof job === 'function' ? isHandlerClass(job) : isJobType(job);
  if (isKnown) return;
  const kind = job === undefined ? 'undefined' : `an instance of ${job.constructor.name}`;
  const what = typeof job === 'function' ? `class ${job.name}` : `number ${index + 1}, ${kind},`;
  throw new RookeryError(
    'invalid_config',
    `RookeryModule.forFeature: ${what} is no handler and no job type; give it classes with @JobHandler(type), and what defineJob answers, ` +
      'and see that no two files import each other',
  );
}

function isJobType(job: Partial<JobType> | undefined): boolean {
  return typeof job?.name === 'string' && typeof job.queue === 'string' && job.retryPolicy !== undefined;
}

function transportOf(entries: readonly EntryName[], { nats }: RookeryConfig): TransportModuleOptions {
  if (nats) return { kind: 'nats', nats };
  return { kind: isSelfContained(entries) ? 'in-process' : 'table-only' };
}

/** Holds the handlers of one `forFeature`; a class of its own, so that Nest tells features from the root. */
@Module({})
class JobFeatureModule {}
