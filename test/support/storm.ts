import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool, type QueryResultRow } from 'pg';
import { eventually } from './eventually.js';
import { breachesOf, type Accepted, type Breach } from './invariants.js';
import { openNatsServer, type NatsServer } from './nats-server.js';
import type { DatabaseCrash } from './outbox-invariants.js';
import { readOutbox } from './outbox.js';
import { isBootWithoutDatabase } from './own-end.js';
import type { Ended, RookeryProcess } from './rookery-process.js';
import { RookeryScene } from './rookery-scene.js';
import { stormPlan, type Fault, type Target } from './storm-plan.js';
import { StormSubmitter } from './storm-submitter.js';
import { openTemporaryPostgres, type KillablePostgres } from './temporary-postgres.js';

type Service = Exclude<Target, 'nats' | 'postgres'>;
const SERVICES: readonly Service[] = ['job', 'status', 'scheduler', 'worker one', 'worker two'];

/** The shortest there may be, so that the jobs of a killed worker come back soon. */
const VISIBILITY_TIMEOUT = '15s';
/** A worker boots in that time on a loaded machine. */
const AT_WORK_WITHIN_MS = 10_000;
/** After the last fault: a killed worker is judged, its jobs back off and run, what no ticket covers is found. */
const CALM_MS = 180_000;

/** What happened in a storm. */
export interface StormReport {
  readonly kills: Readonly<Partial<Record<Target, number>>>;
  readonly accepted: number;
  readonly jobs: number;
  readonly batches: number;
  /** Cancels and retries by hand that were accepted. */
  readonly byHand: Readonly<Record<'cancel' | 'retry', number>>;
  readonly fires: number;
  /** Runs whose worker died. */
  readonly lost: number;
  /** Processes that ended by themselves and were started again: those whose database was killed in the middle of their boot. */
  readonly bootsWithoutDatabase: number;
  /** The same of any other end, which nothing explains. */
  readonly ownEnds: readonly string[];
  readonly surprises: readonly string[];
}

/** Separate processes on a NATS server and a database server of their own, all of which may be killed; and clients that enqueue meanwhile. */
export class Storm {
  private readonly scene = new RookeryScene({ fixtures: { workload: 'dist/jobs' } });
  private readonly processes = new Map<Service, RookeryProcess>();
  private readonly kills: Partial<Record<Target, number>> = {};
  private readonly crashes: DatabaseCrash[] = [];
  private readonly ownEnds: string[] = [];
  private bootsWithoutDatabase = 0;
  private readonly expected = new Set<RookeryProcess>();
  private nats: NatsServer | undefined;
  private postgres: KillablePostgres | undefined;
  private pool: Pool | undefined;
  private submitter: StormSubmitter | undefined;
  private isOver = false;

  constructor(
    private readonly seed: number,
    private readonly seconds: number,
  ) {}

  /** Starts everything; resolves when all of it is ready. */
  async open(): Promise<void> {
    await this.scene.prepare();
    this.nats = await openNatsServer();
    this.postgres = await openTemporaryPostgres();
    this.pool = new Pool({ connectionString: this.postgres.url, max: 2 });
    this.pool.on('error', () => undefined);
    await writeFile(
      this.settingsFile,
      `defaults: { visibilityTimeout: ${VISIBILITY_TIMEOUT}, pollInterval: 2s }\n`,
    );
    this.start('job');
    await this.process('job').ready();
    for (const service of SERVICES.slice(1)) this.start(service);
    await Promise.all(SERVICES.map((service) => this.process(service).ready()));
    await this.request('PUT', '/schedule/tick', {
      job: 'storm',
      every: '1s',
      payload: {},
      catchUp: { all: 1_000 },
    });
  }

  /** Lets the planned faults happen while clients enqueue; then waits until nothing is open, and stops everything. */
  async rage(): Promise<void> {
    this.submitter = new StormSubmitter(() => this.process('job'), this.seed);
    this.submitter.start();
    const startedAt = performance.now();
    const turns = new Map<Target, Promise<void>>();
    for (const fault of stormPlan(this.seed, this.seconds)) {
      await pause(Math.max(0, fault.atMs - (performance.now() - startedAt)));
      // One after the other for each target: what is down is killed when it is back.
      const turn = (turns.get(fault.target) ?? Promise.resolve()).then(() => this.strike(fault));
      turns.set(fault.target, turn);
    }
    await Promise.all(turns.values());
    await this.submitter.stop();
    await this.calmDown();
    this.isOver = true;
    await Promise.all(
      SERVICES.map(async (service) => {
        const process = this.process(service);
        this.expected.add(process);
        await process.stop();
      }),
    );
  }

  readonly query = async <Row extends QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> => {
    if (!this.pool) throw new Error('the storm is not open');
    return (await this.pool.query<Row>(text, [...values])).rows;
  };

  /** What the clients were told was accepted. */
  get accepted(): readonly Accepted[] {
    return this.submitter?.accepted ?? [];
  }

  /** What is broken, when the storm is over. */
  async breaches(): Promise<Breach[]> {
    return breachesOf(this.query, this.accepted, {
      outbox: await readOutbox(this.outboxFile),
      isOver: true,
      crashes: this.crashes,
      dedupe: { storm: 3_600_000 },
    });
  }

  /** Has a handler tell once more that it began the first run of all, at the same moment: as two workers do that both claim it. */
  async doubleFirstBegin(): Promise<void> {
    const outbox = await readOutbox(this.outboxFile);
    const first = outbox.find(({ event }) => event === 'begin');
    await appendFile(this.outboxFile, `${JSON.stringify(first)}\n`);
  }

  /** Starts the status service once more and ends it as no plan has it. */
  async killUnplanned(): Promise<void> {
    this.isOver = false;
    this.start('status');
    const process = this.process('status');
    await process.ready();
    await process.kill();
    this.isOver = true;
    // The one that has come in its place.
    await this.process('status').stop();
  }

  async report(): Promise<StormReport> {
    const [counts] = await this.query<{ jobs: number; fires: number; lost: number }>(
      `SELECT (SELECT count(*)::int FROM job) AS jobs, (SELECT count(*)::int FROM schedule_fire) AS fires,
              (SELECT count(*)::int FROM job, jsonb_array_elements(history) AS e WHERE e->>'outcome' = 'lost') AS lost`,
    );
    return {
      kills: this.kills,
      accepted: this.accepted.length,
      batches: this.submitter?.batches ?? 0,
      byHand: this.submitter?.byHand ?? { cancel: 0, retry: 0 },
      ...(counts ?? { jobs: 0, fires: 0, lost: 0 }),
      bootsWithoutDatabase: this.bootsWithoutDatabase,
      ownEnds: [...this.ownEnds],
      surprises: this.submitter?.surprises ?? [],
    };
  }

  async close(): Promise<void> {
    this.isOver = true;
    await this.pool?.end();
    await this.scene.dispose();
    await this.nats?.close();
    await this.postgres?.close();
  }

  private async strike({ target, downMs }: Fault): Promise<void> {
    this.kills[target] = (this.kills[target] ?? 0) + 1;
    if (target === 'postgres') return this.crashPostgres();
    if (target === 'nats') {
      await this.nats?.kill();
      await pause(downMs);
      await this.nats?.start();
      return;
    }
    const process = this.process(target);
    if (target.startsWith('worker')) await this.isAtWork(process);
    this.expected.add(process);
    await process.kill();
    await pause(downMs);
    this.start(target);
  }

  /** Waits a little until that worker runs something: one that is killed while it boots or is idle loses nothing. */
  private async isAtWork({ pid }: RookeryProcess): Promise<void> {
    const runs = (): Promise<object[]> =>
      this.query(
        `SELECT job.id FROM job JOIN worker ON worker.id = worker_id WHERE status = 'executing' AND pid = $1 LIMIT 1`,
        [pid],
      );
    await eventually(async () => (await runs()).length > 0, { withinMs: AT_WORK_WITHIN_MS }).catch(
      () => undefined,
    );
  }

  private async crashPostgres(): Promise<void> {
    const killedAt = Date.now();
    await this.postgres?.kill();
    this.crashes.push({ killedAt, backAt: Date.now() });
  }

  private async calmDown(): Promise<void> {
    await eventually(() => this.request('POST', '/schedule/tick/pause'), { withinMs: 60_000, everyMs: 200 });
    await eventually(
      async () => {
        const open = await this.query<{ id: string; status: string; queue: string }>(
          `SELECT id, status, run, due_at FROM job WHERE status IN ('waiting', 'executing') ORDER BY id LIMIT 5`,
        );
        if (open.length > 0) throw new Error(`still open: ${JSON.stringify(open)}`);
        return true;
      },
      { withinMs: CALM_MS, everyMs: 200 },
    );
  }

  private start(service: Service): void {
    const [entry = ''] = service.split(' ');
    const process = this.scene.start(['--entry', entry, '--concurrency', '20'], {
      DATABASE_URL: this.postgres?.url,
      NATS_URL: this.nats?.url,
      OUTBOX: this.outboxFile,
      ROOKERY_CONFIG: this.settingsFile,
    });
    this.processes.set(service, process);
    void process.ended.then((end) => {
      if (this.isOver || this.expected.has(process)) return;
      this.noteOwnEnd(service, end);
      // As whatever keeps services running does.
      this.start(service);
    });
  }

  private noteOwnEnd(service: Service, end: Ended): void {
    const { code, signal, output } = end;
    if (isBootWithoutDatabase(end)) this.bootsWithoutDatabase++;
    else
      this.ownEnds.push(
        `${service} ended with ${code ?? signal}: ${output.split('\n').slice(-5).join(' | ')}`,
      );
  }

  private process(service: Service): RookeryProcess {
    const process = this.processes.get(service);
    if (!process) throw new Error(`${service} was not started`);
    return process;
  }

  private async request(method: string, path: string, body?: object): Promise<boolean> {
    const response = await fetch(`${await this.process('job').ready()}${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return true;
  }

  private get outboxFile(): string {
    return join(this.scene.scratch, 'outbox');
  }

  private get settingsFile(): string {
    return join(this.scene.scratch, 'rookery.yaml');
  }
}
