import type { LoggerService, Provider, Type as Class } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { QueryResultRow } from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';
import {
  defineConfig,
  type EntryName,
  type RookeryConfig,
  type RookerySettings,
} from '../../src/config/index.js';
import { CoreModule } from '../../src/entries/core.module.js';
import { CLOCK, type Clock } from '../../src/kernel/clock.js';
import { Health } from '../../src/kernel/health.js';
import { Lifecycle } from '../../src/kernel/lifecycle.js';
import { Database, DatabaseModule } from '../../src/modules/database/index.js';
import {
  JobModule,
  JobService,
  JobTypeList,
  type Handler,
  type JobType,
  type JobView,
} from '../../src/modules/job/index.js';
import { findJobs } from '../../src/modules/job/repository/job-query.repository.js';
import { InProcessTransport } from '../../src/modules/transport/in-process/in-process-transport.js';
import { TRANSPORT, TransportModule, type Lane, type Transport } from '../../src/modules/transport/index.js';
import { WorkerModule } from '../../src/modules/worker/index.js';
import { Worker } from '../../src/modules/worker/worker.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { eventually } from './eventually.js';
import { openLossyProxy, type LossyProxy } from './lossy-proxy.js';

export interface AppOptions {
  readonly handlers?: readonly Class<Handler>[];
  /** What the handlers inject. */
  readonly providers?: readonly Provider[];
  /** Types it may enqueue without a handler for them. */
  readonly types?: readonly JobType[];
  readonly config?: RookerySettings;
  /** For what no setting allows, such as a visibility timeout that a test can wait for. */
  readonly adjust?: (config: RookeryConfig) => RookeryConfig;
  readonly entries?: readonly EntryName[];
  /** Default: the scene's database; another address of it, by way of a proxy. */
  readonly databaseUrl?: string;
  /** Default: `in-process`, by a `SpyTransport`. */
  readonly transport?: 'in-process' | 'table-only';
  /** Makes the transport instead of `transport`; `RookeryApp.transport` is then of no use. */
  readonly makeTransport?: (clock: Clock) => Transport;
  /** Most ids a lane holds before it drops what is offered. */
  readonly maxTicketIds?: number;
  /** Default: true. False for a process that only enqueues. */
  readonly hasWorker?: boolean;
}

/** One process of Rookery without HTTP and duties, inside this one. */
export interface RookeryApp {
  readonly module: TestingModule;
  readonly jobs: JobService;
  readonly database: Database;
  readonly transport: SpyTransport;
  readonly health: Health;
  /** Outcomes its worker was refused so far. */
  refusals(): number;
  /** Runs the worker's heartbeat now; resolves when it has acted on what it read. */
  beat(): Promise<void>;
  /** Its shutdown, in full; idempotent. */
  stop(): Promise<void>;
}

const undistorted = (ids: readonly string[]): readonly (readonly string[])[] => [ids];

/** The in-process transport, with an eye on what is offered and a hand to suppress it. */
export class SpyTransport extends InProcessTransport {
  readonly offers: { readonly queue: string; readonly lane: Lane; readonly ids: readonly string[] }[] = [];
  /** Others that get every offer too, as all processes share the tickets of a NATS server. */
  readonly peers = new Set<SpyTransport>();
  /** While true every offer is lost without a word. */
  isDeaf = false;
  /** What becomes of an offer on its way: the tickets that arrive in its place, none or others among them. */
  distort: (ids: readonly string[]) => readonly (readonly string[])[] = undistorted;

  override offer(queue: string, lane: Lane, ids: readonly string[]): void {
    this.offers.push({ queue, lane, ids });
    if (this.isDeaf) return;
    for (const arrived of this.distort(ids)) {
      super.offer(queue, lane, arrived);
      for (const peer of this.peers) peer.receive(queue, lane, arrived);
    }
  }

  /** Only while every ticket is this process's own and arrives: elsewhere the tickets are what the test is about. */
  override isAwaited(queue: string, lanes: readonly Lane[]): boolean {
    const isFaithful = !this.isDeaf && this.peers.size === 0 && this.distort === undistorted;
    return isFaithful && super.isAwaited(queue, lanes);
  }

  receive(queue: string, lane: Lane, ids: readonly string[]): void {
    super.offer(queue, lane, ids);
  }

  get offeredIds(): string[] {
    return this.offers.flatMap(({ ids }) => ids);
  }
}

/** Quick where the defaults are patient: what a test waits for comes within tenths of a second. */
const QUICK: RookerySettings = {
  defaults: { pollInterval: '100ms' },
  worker: { timeoutGrace: '200ms' },
  shutdown: { grace: '200ms' },
};

/** Boots the modules a worker is made of on `databaseUrl`. */
export async function startApp(options: AppOptions & { readonly databaseUrl: string }): Promise<RookeryApp> {
  const { handlers = [], providers = [], types = [], entries = ['worker'], hasWorker = true } = options;
  const lifecycle = new Lifecycle();
  const building = Test.createTestingModule({
    imports: [
      CoreModule.register(configOf(options), entries, lifecycle),
      DatabaseModule.register(),
      TransportModule.register({ kind: options.transport ?? 'in-process' }),
      JobModule,
      ...(hasWorker ? [WorkerModule] : []),
    ],
    providers: [...handlers, ...providers, { provide: JobTypeList, useValue: new JobTypeList(types) }],
  }).setLogger(collector);
  if (options.transport !== 'table-only') {
    const makeSpy = (clock: Clock): Transport =>
      new SpyTransport({
        clock,
        ...(options.maxTicketIds !== undefined && { maxIdsPerLane: options.maxTicketIds }),
      });
    const factory = options.makeTransport ?? makeSpy;
    building.overrideProvider(TRANSPORT).useFactory({ factory, inject: [CLOCK] });
  }
  const module = await building.compile();
  try {
    await module.init();
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    module,
    jobs: module.get(JobService),
    database: module.get(Database),
    transport: module.get<SpyTransport & Transport>(TRANSPORT),
    health: module.get(Health),
    refusals: () => module.get(Worker, { strict: false }).refusals,
    beat: () => module.get(Worker, { strict: false }).beat(),
    stop: () => (stopping ??= module.close()),
  };
}

function configOf({ config = {}, adjust, databaseUrl }: AppOptions): RookeryConfig {
  const settings: RookerySettings = {
    ...config,
    database: { ...config.database, ...(databaseUrl !== undefined && { url: databaseUrl }) },
    defaults: { ...QUICK.defaults, ...config.defaults },
    worker: { ...QUICK.worker, ...config.worker },
    shutdown: { ...QUICK.shutdown, ...config.shutdown },
  };
  const resolved = defineConfig(settings, {});
  return adjust ? adjust(resolved) : resolved;
}

/** Nest has one logger for a whole process: what every app of the test has logged, as `warn: text`. */
const lines: string[] = [];
const take =
  (level: string) =>
  (message: unknown): void =>
    void lines.push(`${level}: ${String(message)}`);
const collector: LoggerService = {
  log: take('log'),
  warn: take('warn'),
  error: take('error'),
  fatal: take('fatal'),
};

/** A database for the file, and apps on it that end with their test. */
export interface Scene {
  /** Starts an app on the scene's database; several are several processes. */
  start(options?: AppOptions): Promise<RookeryApp>;
  /** A network of the test's own before the database; it stays up until the apps have stopped. */
  proxy(): Promise<LossyProxy>;
  readonly database: TestDatabase;
  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** What the apps of this test have logged so far, as `warn: text`. */
  readonly log: readonly string[];
  /** The job's row as callers see it. Rejects when there is none. */
  job(id: string): Promise<JobView>;
  /** Waits for the job to be in that state, and answers it. */
  reaches(id: string, status: JobView['status'], withinMs?: number): Promise<JobView>;
}

/** Sets a scene for the whole file: call it once, outside of tests. Fails when a stopped app leaves a session behind. */
export function rookeryScene(): Scene {
  let database: TestDatabase;
  let apps: RookeryApp[] = [];
  const proxies: LossyProxy[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    const stopped = apps.reverse();
    apps = [];
    for (const app of stopped) await app.stop();
    for (const proxy of proxies.splice(0)) await proxy.close();
    lines.length = 0;
  });
  afterAll(async () => {
    await database.drop();
  });
  const job = async (id: string): Promise<JobView> => {
    // By the test's own session: those of the apps may be stopped, or cut off, when it asks.
    const [found] = await findJobs((statement, values) => database.query(statement.text, values), [id]);
    if (!found) throw new Error(`there is no job ${id}`);
    return found;
  };
  return {
    start: async (options = {}) => {
      const app = await startApp({ databaseUrl: database.url, ...options });
      apps.push(app);
      return app;
    },
    proxy: async () => {
      const proxy = await openLossyProxy(database.url);
      proxies.push(proxy);
      return proxy;
    },
    get database() {
      return database;
    },
    log: lines,
    query: (text, values) => database.query(text, values),
    job,
    reaches: (id, status, withinMs = 10_000) =>
      eventually(
        async () => {
          const found = await job(id);
          if (found.status !== status)
            throw new Error(`job ${id} is ${JSON.stringify(found)}, not ${status}`);
          return found;
        },
        { withinMs, everyMs: 10 },
      ),
  };
}
