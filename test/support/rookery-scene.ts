import { chmod, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { eventually } from './eventually.js';
import { killAll, processesOf, type FoundProcess } from './process-tree.js';
import { installFixture, installRookery, installSources } from './rookery-install.js';
import { RookeryProcess } from './rookery-process.js';

/** What an installation holds besides the program. */
export interface SceneOptions {
  /** True for what `npm start` and `nest start` build from. */
  readonly hasSources?: boolean;
  /** Fixtures and where they go: `{workload: 'dist/jobs'}` puts test/fixtures/workload in the place of the user's own job types. */
  readonly fixtures?: Readonly<Record<string, string>>;
}

/** Some tests boot five processes one after the other; on a machine as busy as can be each takes its time. */
const LONGEST_TEST_MS = 240_000;

/** A process that was sent SIGKILL takes a moment to disappear, a server's children some more. */
const GONE_MS = 30_000;

/** An installation of its own with a data folder, whose processes are all known. */
export class RookeryScene {
  /** Holds everything of the scene. */
  scratch = '';
  private processes: RookeryProcess[] = [];

  constructor(private readonly options: SceneOptions) {}

  /** Where the program lies. */
  get app(): string {
    return join(this.scratch, 'app');
  }

  /** The default data folder: kept from test to test. */
  get data(): string {
    return join(this.scratch, 'data');
  }

  async prepare(): Promise<void> {
    this.scratch = await realpath(await mkdtemp(join(tmpdir(), 'rookery-process-')));
    // Under root the database server runs as another user, who must be able to pass through.
    await chmod(this.scratch, 0o755);
    await mkdir(join(this.scratch, 'work'));
    await installRookery(this.app);
    if (this.options.hasSources) await installSources(this.app);
    for (const [name, target] of Object.entries(this.options.fixtures ?? {}))
      await installFixture(name, join(this.app, target));
  }

  /** Starts `node dist/main.js …` on the scene's data folder and a free port, from a folder without settings. */
  start(
    args: readonly string[] = [],
    env: Readonly<Record<string, string | undefined>> = {},
  ): RookeryProcess {
    return this.run([process.execPath, join(this.app, 'dist/main.js'), ...args], env);
  }

  /** Starts any command; `cwd` is a folder below the scene's own. */
  run(
    command: readonly string[],
    env: Readonly<Record<string, string | undefined>> = {},
    cwd = 'work',
  ): RookeryProcess {
    const { PATH, HOME } = process.env;
    const own = {
      PATH,
      HOME,
      npm_config_update_notifier: 'false',
      PORT: '0',
      ROOKERY_DATABASE_FOLDER: this.data,
    };
    const started = new RookeryProcess(command, { cwd: join(this.scratch, cwd), env: { ...own, ...env } });
    this.processes.push(started);
    return started;
  }

  /** The processes that run: the program's, its launchers', its database server's. */
  running(): Promise<FoundProcess[]> {
    return processesOf(this.scratch);
  }

  /** The processes of database servers, those of a server's children among them. */
  async postgres(): Promise<FoundProcess[]> {
    return (await this.running()).filter(({ command }) => /^(\S*\/)?postgres(:| )/.test(command));
  }

  /** The database servers themselves. A child looks like its server until it has named itself: what tells them is the parent. */
  async servers(): Promise<FoundProcess[]> {
    const found = await this.postgres();
    return found.filter(({ parent }) => !found.some(({ pid }) => pid === parent));
  }

  /** Ends the database server as a crash of it does, with all its children. */
  async killPostgres(): Promise<void> {
    killAll(await this.postgres());
  }

  /** Resolves when nothing is left; names what is. */
  async nothingIsLeft(withinMs = GONE_MS): Promise<void> {
    await eventually(
      async () => {
        const left = await this.running();
        if (left.length > 0)
          throw new Error(`left behind: ${left.map(({ pid, command }) => `${pid} ${command}`).join('; ')}`);
        return true;
      },
      { withinMs, everyMs: 50 },
    );
  }

  /** A session's address at the data folder's server, for looking into the tables. */
  async databaseUrl(): Promise<string> {
    const home = join(this.data, 'postgres');
    const password = (await readFile(join(home, 'password'), 'utf8')).trim();
    const port = (await readFile(join(home, 'port'), 'utf8')).trim();
    return `postgres://rookery:${password}@127.0.0.1:${port}/rookery`;
  }

  /** Ends what a test left, and fails it for that. */
  async endTest(): Promise<void> {
    const stillRunning = this.processes.filter((one) => one.isRunning);
    this.processes = [];
    await Promise.all(stillRunning.map((one) => one.stop()));
    const left = await this.running();
    killAll(left);
    await this.nothingIsLeft();
    expect(left, 'processes left behind').toEqual([]);
  }

  async dispose(): Promise<void> {
    killAll(await this.running());
    await rm(this.scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/**
 * A scene for the file or the `describe` it is called in. What a test started and did not stop is stopped after it; a test that leaves a
 * process behind all the same fails.
 */
export function useRookeryScene(options: SceneOptions = {}): RookeryScene {
  vi.setConfig({ testTimeout: LONGEST_TEST_MS, hookTimeout: LONGEST_TEST_MS });
  const scene = new RookeryScene(options);
  beforeAll(() => scene.prepare());
  afterEach(() => scene.endTest());
  afterAll(() => scene.dispose());
  return scene;
}
