import 'reflect-metadata';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEmbeddedPostgres } from '../src/modules/database/embedded/index.js';
import { fsyncMs } from './fsync.js';
import { shown, type Figure } from './figures.js';
import { PostgresMeter } from './postgres-meter.js';
import { profileProcess, profiledServer, profileServer, type Spent } from './profile.js';
import { bulk } from './workloads/bulk.js';
import { drain, drainBesideFinished } from './workloads/drain.js';
import { drainBatch } from './workloads/drain-batch.js';
import { drainByWorkers } from './workloads/drain-by-workers.js';
import { enqueueWhileDrain } from './workloads/enqueue-while-drain.js';
import { finishedRows } from './workloads/finished-rows.js';
import { heldSnapshot } from './workloads/held-snapshot.js';
import { latency, latencyToDone } from './workloads/latency.js';
import { memory } from './workloads/memory.js';
import { oneByOne } from './workloads/one-by-one.js';
import { scheduleLateness } from './workloads/schedule-lateness.js';
import { thousandsWhileDrain } from './workloads/thousands-while-drain.js';
import type { Workload, WorkloadContext } from './workloads/workload.js';
import { wholeNumbers } from './whole-numbers.js';

const workloads: Record<string, Workload> = {
  drain,
  'drain-by-one': drainByWorkers(1),
  'drain-by-two': drainByWorkers(2),
  'one-by-one': oneByOne,
  'enqueue-while-drain': enqueueWhileDrain,
  'thousands-while-drain': thousandsWhileDrain,
  bulk,
  latency,
  'latency-to-done': latencyToDone,
  'drain-batch': drainBatch,
  'schedule-lateness': scheduleLateness,
  'drain-beside-0': drainBesideFinished(0),
  'drain-beside-1m': drainBesideFinished(1_000_000),
  'drain-beside-10m': drainBesideFinished(10_000_000),
  'held-snapshot': heldSnapshot,
  memory,
  'finished-0': finishedRows(0),
  'finished-1m': finishedRows(1_000_000),
  'finished-10m': finishedRows(10_000_000),
};

/** Those that run unless others are named; the others take many minutes or much disk. */
const USUAL = [
  'drain',
  'drain-by-one',
  'drain-by-two',
  'one-by-one',
  'enqueue-while-drain',
  'thousands-while-drain',
  'bulk',
  'latency',
  'latency-to-done',
];

/** What `--help` prints. */
const HELP = `npm run bench -- [--runs 3] [--only drain,latency] [--concurrency 10,500] [--json FILE] [--nats URL] [--profile]

Measures Rookery on a PostgreSQL of its own (fsync and synchronous_commit on), the workloads in turn, each on a fresh database as often as
--runs says; prints median (min–max). Tickets travel within the process, or by the NATS server at --nats. Every run counts the
jobs: a lost or repeated one fails the benchmark. --profile tells on what the last run's time was spent, by statement in the server
and by module in this process; it makes the figures worse.
Workloads: ${USUAL.join(', ')};
by name only: ${Object.keys(workloads)
  .filter((name) => !USUAL.includes(name))
  .join(', ')}
`;

interface Report {
  readonly workload: string;
  readonly concurrency: number;
  readonly figures: Figure[];
  /** Of the last run, when it was asked for. */
  readonly server?: readonly Spent[];
  readonly process?: readonly Spent[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      only: { type: 'string', default: USUAL.join(',') },
      concurrency: { type: 'string', default: '10,500' },
      json: { type: 'string' },
      nats: { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const [runs = 1] = wholeNumbers('runs', values.runs);
  const plans = values.only.split(',').flatMap((name) => {
    const workload = workloadNamed(name);
    return wholeNumbers('concurrency', values.concurrency).map((concurrency) => ({ workload, concurrency }));
  });
  const folder = await mkdtemp(join(tmpdir(), 'rookery-bench-'));
  const server = await openEmbeddedPostgres({ folder, ...(values.profile && { settings: profiledServer }) });
  try {
    process.stdout.write(
      `${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(2)}, one fsync ${(await fsyncMs(folder)).toFixed(2)} ms\n`,
    );
    const databases = new Databases(server);
    const reports = await measureInTurn(plans, runs, (plan) => {
      const settings = {
        concurrency: plan.concurrency,
        ...(values.nats !== undefined && { natsUrl: values.nats }),
      };
      return databases.fresh(settings, (context) => measureOnce(plan.workload, context, values.profile));
    });
    if (values.json) await writeFile(values.json, `${JSON.stringify(reports, undefined, 2)}\n`);
  } finally {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function workloadNamed(name: string): Workload {
  const workload = workloads[name];
  if (workload) return workload;
  const known = Object.keys(workloads).join(', ');
  throw new Error(`there is no workload ${JSON.stringify(name)}; choose from ${known}`);
}

interface Plan {
  readonly workload: Workload;
  readonly concurrency: number;
}

type Profile = Pick<Report, 'server' | 'process'>;

interface Measured {
  readonly value: Record<string, number>;
  readonly profile: Profile;
}

/** One run of every plan, then the next of every plan: what the machine does meanwhile meets them all. Prints each with its last run. */
async function measureInTurn(
  plans: readonly Plan[],
  runs: number,
  measure: (plan: Plan) => Promise<Measured>,
): Promise<Report[]> {
  const reports: Report[] = [];
  const values = plans.map((): Record<string, number>[] => []);
  for (let run = 1; run <= runs; run++) {
    for (const [index, plan] of plans.entries()) {
      const { value, profile } = await measure(plan);
      values[index]?.push(value);
      if (run < runs) continue;
      const report = { ...reportOf(plan, values[index] ?? []), ...profile };
      reports.push(report);
      print(report);
    }
  }
  return reports;
}

function reportOf({ workload, concurrency }: Plan, values: readonly Record<string, number>[]): Report {
  const figures = Object.entries(workload.units).map(([name, unit]) => ({
    name,
    unit,
    values: values.map((value) => value[name] ?? Number.NaN),
  }));
  return { workload: workload.name, concurrency, figures };
}

async function measureOnce(
  workload: Workload,
  context: WorkloadContext,
  isProfiled: boolean,
): Promise<Measured> {
  const endProfiles = isProfiled ? await beginProfiles(context.meter) : () => Promise.resolve({});
  const value = await workload.run(context);
  return { value, profile: await endProfiles() };
}

/** Fresh databases on the measured server. */
class Databases {
  private count = 0;

  constructor(private readonly server: { readonly url: string; readonly pid: number }) {}

  /** Runs `work` on a database of its own, which goes with it. */
  async fresh<Result>(
    settings: Pick<WorkloadContext, 'concurrency' | 'natsUrl'>,
    work: (context: WorkloadContext) => Promise<Result>,
  ): Promise<Result> {
    const { url: address, pid } = this.server;
    const database = `bench_${process.pid}_${this.count++}`;
    const url = new URL(address);
    url.pathname = `/${database}`;
    return withMeter(address, pid, async (admin) => {
      await admin.query(`CREATE DATABASE ${database}`);
      const result = await withMeter(url.href, pid, (meter) =>
        work({ ...settings, url: url.href, meter, beside: (other) => this.fresh(settings, other) }),
      );
      await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
      return result;
    });
  }
}

async function beginProfiles(meter: PostgresMeter): Promise<() => Promise<Profile>> {
  const endServer = await profileServer(meter);
  const endProcess = await profileProcess();
  return async () => ({ process: await endProcess(), server: await endServer() });
}

/** Closes the session whatever happens: one that is left when the server stops ends the process with an error of its own. */
async function withMeter<Result>(
  url: string,
  pid: number,
  work: (meter: PostgresMeter) => Promise<Result>,
): Promise<Result> {
  const meter = await PostgresMeter.open(url, pid);
  try {
    return await work(meter);
  } finally {
    await meter.close();
  }
}

function print({ workload, concurrency, figures, server, process: own }: Report): void {
  process.stdout.write(`\n${workload}, concurrency ${concurrency}\n`);
  for (const figure of figures) process.stdout.write(`  ${figure.name.padEnd(12)} ${shown(figure)}\n`);
  printSpent('in the server, by statement', server);
  printSpent('in this process, by module', own);
}

function printSpent(title: string, spent: readonly Spent[] = []): void {
  if (spent.length > 0) process.stdout.write(`  ${title}\n`);
  for (const { on, share } of spent)
    process.stdout.write(`    ${(share * 100).toFixed(1).padStart(5)} %  ${on}\n`);
}

await main();
