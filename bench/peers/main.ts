import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { openEmbeddedPostgres } from '../../src/modules/database/embedded/index.js';
import { openNatsServer } from '../../test/support/nats-server.js';
import { median, shown } from '../figures.js';
import { fsyncMs } from '../fsync.js';
import { wholeNumbers } from '../whole-numbers.js';
import { bulk } from './comparisons/bulk.js';
import type { Comparison } from './comparisons/comparison.js';
import { drain } from './comparisons/drain.js';
import { enqueueWhileDrain } from './comparisons/enqueue-while-drain.js';
import { latency } from './comparisons/latency.js';
import { oneByOne } from './comparisons/one-by-one.js';
import type { Place } from './peer.js';
import { peerNamed, peers } from './peers.js';
import { openRedis } from './redis-server.js';

/** Four seconds' worth, most of it at the speed that lasts. */
const LONG_DRAIN = 200_000;

const comparisons: Readonly<Record<string, Comparison>> = {
  'one-by-one': oneByOne,
  bulk,
  'drain-by-one': drain(1),
  'drain-by-two': drain(2),
  'long-drain-by-two': drain(2, LONG_DRAIN),
  'enqueue-while-drain': enqueueWhileDrain,
  latency,
};

const HELP = `npm run bench:peers -- [--runs 3] [--only drain-by-one,latency] [--peers rookery,bullmq] [--concurrency 500] [--json FILE]

Measures Rookery and the platforms beside it in turn, run after run, on one PostgreSQL (fsync and synchronous_commit on), one Redis
(append-only file, fsync every second) and one NATS server of their own; prints median (min–max) and the ratio of the medians,
that of the better Rookery by each, turned so that more than 1 is better. Every run counts the jobs: a lost or repeated one fails it.
Comparisons: ${Object.keys(comparisons).join(', ')}
Peers: ${Object.keys(peers).join(', ')}
`;

/** What one comparison found of one peer. */
interface Finding {
  readonly comparison: string;
  readonly peer: string;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      only: { type: 'string', default: Object.keys(comparisons).join(',') },
      peers: { type: 'string', default: Object.keys(peers).join(',') },
      concurrency: { type: 'string', default: '500' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const names = values.peers.split(',');
  if (!names.some(isOurs))
    throw new Error(`--peers ${values.peers} names no Rookery, whose ratios are printed`);
  const [runs = 1] = wholeNumbers('runs', values.runs);
  const [concurrency = 1] = wholeNumbers('concurrency', values.concurrency);
  const folder = await mkdtemp(join(tmpdir(), 'rookery-peers-'));
  const postgres = await openEmbeddedPostgres({ folder: join(folder, 'postgres') });
  const redis = names.includes('bullmq') ? await openRedis(folder) : undefined;
  const nats = names.includes('rookery-nats') ? await openNatsServer() : undefined;
  const findings: Finding[] = [];
  try {
    const noise = `load ${loadavg()[0]?.toFixed(2)}, one fsync ${(await fsyncMs(folder)).toFixed(2)} ms`;
    process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}, ${noise}\n`);
    for (const name of names) {
      const { name: title, settings, packageName } = peerNamed(name);
      const version = packageName === undefined ? '' : ` ${versionOf(packageName)}`;
      process.stdout.write(`${title}${version}: ${settings}\n`);
    }
    for (const name of values.only.split(',')) {
      const comparison = comparisons[name];
      if (!comparison) {
        const known = Object.keys(comparisons).join(', ');
        throw new Error(`there is no comparison ${JSON.stringify(name)}; choose from ${known}`);
      }
      const servers = { postgresUrl: postgres.url, redisPort: redis?.port ?? 0, natsUrl: nats?.url ?? '' };
      const found = await compare(comparison, names, servers, { runs, concurrency });
      print(comparison, found);
      findings.push(...found);
    }
    if (values.json !== undefined)
      await writeFile(values.json, `${JSON.stringify(findings, undefined, 2)}\n`);
  } finally {
    await nats?.close();
    await redis?.close();
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** One run of every peer, then the next of every peer, beginning with another: what the machine does meanwhile meets them all. */
async function compare(
  comparison: Comparison,
  names: readonly string[],
  servers: Place,
  { runs, concurrency }: { readonly runs: number; readonly concurrency: number },
): Promise<Finding[]> {
  const found = new Map<string, Record<string, number[]>>();
  for (let run = 0; run < runs; run++) {
    for (const key of [...names.slice(run % names.length), ...names.slice(0, run % names.length)]) {
      const measured = await inFreshDatabase(servers, async (place) => {
        const peer = peerNamed(key);
        await peer.prepare(place);
        return comparison.measure({ key, peer, place, concurrency });
      });
      const figures = found.get(key) ?? {};
      found.set(key, figures);
      for (const [figure, value] of Object.entries(measured)) (figures[figure] ??= []).push(value);
    }
  }
  return names.map((peer) => ({ comparison: comparison.name, peer, figures: found.get(peer) ?? {} }));
}

let databases = 0;

async function inFreshDatabase<Result>(
  servers: Place,
  work: (place: Place) => Promise<Result>,
): Promise<Result> {
  const admin = new Client({ connectionString: servers.postgresUrl });
  await admin.connect();
  const database = `peers_${process.pid}_${databases++}`;
  await admin.query(`CREATE DATABASE ${database}`);
  await admin.query('CHECKPOINT');
  const url = new URL(servers.postgresUrl);
  url.pathname = `/${database}`;
  try {
    return await work({ ...servers, postgresUrl: url.href });
  } finally {
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
    await admin.end();
  }
}

function print({ name, units, ratio }: Comparison, findings: readonly Finding[]): void {
  process.stdout.write(`\n${name}\n`);
  const medianOf = ({ figures }: Finding): number => median(figures[ratio.figure] ?? []);
  const best = (some: readonly Finding[]): number =>
    (ratio.isMoreBetter ? Math.max : Math.min)(...some.map(medianOf));
  const times = (own: number, other: number): string =>
    (ratio.isMoreBetter ? own / other : other / own).toFixed(2);
  const ours = best(findings.filter(({ peer }) => isOurs(peer)));
  for (const finding of findings) {
    const shownFigures = Object.entries(units).map(
      ([figure, unit]) => `${figure} ${shown({ name: figure, unit, values: finding.figures[figure] ?? [] })}`,
    );
    process.stdout.write(
      `  ${finding.peer.padEnd(13)} ${times(ours, medianOf(finding)).padStart(6)} ×   ${shownFigures.join(', ')}\n`,
    );
  }
  const others = findings.filter(({ peer }) => !isOurs(peer));
  if (others.length > 0) process.stdout.write(`  by the fastest other: ${times(ours, best(others))} ×\n`);
}

function isOurs(peer: string): boolean {
  return peer.startsWith('rookery');
}

function versionOf(packageName: string): string {
  const file = new URL(`node_modules/${packageName}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

await main();
