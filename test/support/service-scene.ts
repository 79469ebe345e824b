import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { Note } from '../fixtures/services/notes.js';
import type { OutboxLine } from '../fixtures/workload/outbox.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { openNatsServer, type NatsServer, type NatsServerOptions } from './nats-server.js';
import { readOutbox } from './outbox.js';
import { RookeryScene } from './rookery-scene.js';
import type { RookeryProcess } from './rookery-process.js';

/** Room for as many held jobs as a test holds, whatever the other queues have. */
const SETTINGS = 'queues: { hold: { concurrency: 250 } }\n';

export interface ServiceSceneOptions {
  /** False for a NATS server that the test itself starts. */
  readonly isNatsStarted?: boolean;
  readonly nats?: NatsServerOptions;
  /** The folder of test/fixtures whose job types the processes run. */
  readonly jobs?: 'services' | 'workload';
}

/** Several processes of the real program that share a database and a NATS server, and live as long as the file needs them. */
export class ServiceScene {
  private readonly scene: RookeryScene;
  private server: NatsServer | undefined;
  private opened: TestDatabase | undefined;

  constructor(private readonly options: ServiceSceneOptions = {}) {
    this.scene = new RookeryScene({ fixtures: { [options.jobs ?? 'services']: 'dist/jobs' } });
  }

  get nats(): NatsServer {
    if (!this.server) throw new Error('the scene is not set');
    return this.server;
  }

  get database(): TestDatabase {
    if (!this.opened) throw new Error('the scene is not set');
    return this.opened;
  }

  async open(): Promise<void> {
    const { isNatsStarted = true, nats, jobs = 'services' } = this.options;
    await this.scene.prepare();
    this.server = await openNatsServer({ ...nats, isStarted: isNatsStarted });
    this.opened = await createTestDatabase();
    await writeFile(this.settingsFile, jobs === 'services' ? SETTINGS : '');
  }

  /** Starts `node dist/main.js --entry … args`. */
  start(
    entry: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): RookeryProcess {
    return this.scene.start(['--entry', entry, ...args], {
      DATABASE_URL: this.database.url,
      NATS_URL: this.nats.url,
      NOTES: this.notesFile,
      OUTBOX: this.outboxFile,
      ROOKERY_CONFIG: this.settingsFile,
      ...env,
    });
  }

  /** What the handlers did so far, oldest first; a line that was cut by a crash is left out. */
  async notes(): Promise<Note[]> {
    const text = await readFile(this.notesFile, 'utf8').catch(() => '');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Note);
  }

  /** What the handlers of the workload did so far. */
  readonly outbox = (): Promise<OutboxLine[]> => readOutbox(this.outboxFile);

  /** Ends the embedded database server, of processes that were started with an empty DATABASE_URL, as a crash of it does. */
  async killPostgres(): Promise<void> {
    await this.scene.killPostgres();
  }

  /** Stops what still runs; fails when a process, or a session of one, is left. */
  async stopAll(): Promise<void> {
    await this.scene.endTest();
  }

  async close(): Promise<void> {
    try {
      await this.stopAll();
      await this.opened?.drop();
    } finally {
      await this.scene.dispose();
      await this.server?.close();
    }
  }

  private get settingsFile(): string {
    return join(this.scene.scratch, 'services.yaml');
  }

  private get outboxFile(): string {
    return join(this.scene.scratch, 'outbox');
  }

  private get notesFile(): string {
    return join(this.scene.scratch, 'notes');
  }
}

/** A scene for the file or the `describe` it is called in; processes live from test to test. */
export function useServiceScene(options: ServiceSceneOptions = {}): ServiceScene {
  const scene = new ServiceScene(options);
  beforeAll(() => scene.open());
  afterAll(() => scene.close());
  return scene;
}

/** The value below which that share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
