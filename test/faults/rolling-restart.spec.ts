import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { breachesOf, inWords, type Accepted } from '../support/invariants.js';
import { openNatsServer, type NatsServer } from '../support/nats-server.js';
import { readOutbox } from '../support/outbox.js';
import { RookeryScene } from '../support/rookery-scene.js';
import type { RookeryProcess } from '../support/rookery-process.js';

const ENTRIES = ['job', 'status', 'scheduler', 'worker'] as const;
type Entry = (typeof ENTRIES)[number];

/** As behind a proxy that asks every so often which instance is ready; the listener stays open for longer than that. */
const ASK_EVERY_MS = 200;
/** The grace is shorter than the longest jobs, so that some of them are interrupted. */
const SETTINGS = `
http: { shutdownDelay: 1s }
shutdown: { grace: 500ms }
defaults: { visibilityTimeout: 15s, pollInterval: 2s }
`;
const LONG_MS = 2_000;

const CLIENTS = 4;

let scene: RookeryScene;
let database: TestDatabase;
let nats: NatsServer;
let running: Map<Entry, RookeryProcess[]>;
let load: Load;

beforeEach(async () => {
  load = new Load();
  scene = new RookeryScene({ fixtures: { workload: 'dist/jobs' } });
  await scene.prepare();
  database = await createTestDatabase();
  nats = await openNatsServer();
  await writeFile(settingsFile(), SETTINGS);
  running = new Map();
  for (const entry of ENTRIES) running.set(entry, [await started(entry), await started(entry)]);
});

afterEach(async () => {
  await load.stop();
  await scene.endTest();
  await scene.dispose();
  await database.drop();
  await nats.close();
});

function settingsFile(): string {
  return join(scene.scratch, 'rookery.yaml');
}

function outboxFile(): string {
  return join(scene.scratch, 'outbox');
}

/** A process of that entry once it is ready. */
async function started(entry: Entry): Promise<RookeryProcess> {
  const process = scene.start(['--entry', entry, '--concurrency', '20'], {
    DATABASE_URL: database.url,
    NATS_URL: nats.url,
    OUTBOX: outboxFile(),
    ROOKERY_CONFIG: settingsFile(),
  });
  await process.ready();
  return process;
}

/** Clients behind a proxy: each request goes to an instance that said it was ready, and none is sent again. */
class Load {
  readonly accepted: Accepted[] = [];
  readonly failures: string[] = [];
  private ready: string[] = [];
  private isStopped = false;
  private readonly loops: Promise<void>[] = [];

  async start(): Promise<void> {
    this.loops.push(this.asking());
    await eventually(() => this.ready.length === 4);
    for (let client = 0; client < CLIENTS; client++) this.loops.push(this.client(client));
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.loops);
  }

  private async asking(): Promise<void> {
    while (!this.isStopped) {
      const instances = [...(running.get('job') ?? []), ...(running.get('status') ?? [])];
      const answers = await Promise.all(instances.map(readyUrl));
      this.ready = answers.filter((url) => url !== undefined);
      await pause(ASK_EVERY_MS);
    }
  }

  private async client(number: number): Promise<void> {
    for (let request = number; !this.isStopped; request++) {
      const url = this.ready[request % this.ready.length];
      if (url === undefined) this.failures.push('no instance is ready');
      else await this.request(url, request);
      await pause(20);
    }
  }

  private async request(url: string, number: number): Promise<void> {
    try {
      const response = await fetch(`${url}/job`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'work', payload: { ms: number % 20 === 0 ? LONG_MS : 20 } }),
      });
      const body = (await response.json()) as { readonly id: string };
      if (response.status === 201) this.accepted.push({ id: body.id });
      else this.failures.push(`${response.status} ${JSON.stringify(body)}`);
    } catch (error) {
      this.failures.push(String(error instanceof Error ? (error.cause ?? error) : error));
    }
  }
}

async function readyUrl(process: RookeryProcess): Promise<string | undefined> {
  if (!process.isRunning) return undefined;
  const url = await process.ready();
  const response = await fetch(`${url}/health/ready`, { headers: { connection: 'close' } }).catch(
    () => undefined,
  );
  return response?.ok ? url : undefined;
}

/** Replaces every process, one after the other: the new one is ready before the old one is told to end. */
async function replaceAll(signal: NodeJS.Signals): Promise<void> {
  for (const [entry, processes] of running) {
    for (const old of [...processes]) {
      processes.push(await started(entry));
      const count = load.accepted.length;
      // So that each is met at work.
      await eventually(() => load.accepted.length > count + 20 || load.failures.length > 0, {
        withinMs: 60_000,
      });
      old.signal(signal);
      await old.ended;
      processes.splice(processes.indexOf(old), 1);
    }
  }
}

async function untilAllHasEnded(): Promise<void> {
  await eventually(
    async () => {
      const open = await database.query(
        `SELECT id, status FROM job WHERE status IN ('waiting', 'executing') LIMIT 5`,
      );
      if (open.length > 0) throw new Error(`still open: ${JSON.stringify(open)}`);
      return true;
    },
    { withinMs: 90_000, everyMs: 200 },
  );
}

/** How many runs ended so. */
async function runsEnded(outcome: string): Promise<number> {
  const [row] = await database.query<{ count: number }>(
    `SELECT count(*)::int FROM job, jsonb_array_elements(history) AS e WHERE e->>'outcome' = $1`,
    [outcome],
  );
  return row?.count ?? 0;
}

it('replaces every process under load without a request that fails or an attempt that is charged', async () => {
  await load.start();
  await replaceAll('SIGTERM');
  await load.stop();
  await untilAllHasEnded();
  expect(load.failures).toEqual([]);
  expect(await runsEnded('lost')).toBe(0);
  expect(await runsEnded('interrupted')).toBeGreaterThan(0);
  const jobs = await database.query<{ status: string; attempt: number }>(
    'SELECT DISTINCT status, attempt FROM job',
  );
  expect(jobs).toEqual([{ status: 'done', attempt: 1 }]);
  await scene.endTest();
  const outbox = await readOutbox(outboxFile());
  expect(inWords(await breachesOf(database.query, load.accepted, { outbox, isOver: true }))).toBe('');
});

it('would see it: killed instead, processes leave requests unanswered or runs lost', async () => {
  await load.start();
  await replaceAll('SIGKILL');
  await load.stop();
  await untilAllHasEnded();
  expect(load.failures.length + (await runsEnded('lost'))).toBeGreaterThan(0);
  await scene.endTest();
  const outbox = await readOutbox(outboxFile());
  expect(inWords(await breachesOf(database.query, load.accepted, { outbox, isOver: true }))).toBe('');
});
