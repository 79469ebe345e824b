import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../support/eventually.js';

const ROOT = join(import.meta.dirname, '../..');

/** In the environment of every process of a project, so that none is overlooked. */
const MARK = 'BOOT_APP';

/** What the application prints, a line each: what it makes of its command line, then what happens to it. */
const MAIN = `
import { exitCodes, planStart, readAncestors } from './boot/index.js';
import { watchParents } from './boot/parent-watch.js';
import { watchSignals } from './boot/stop-signals.js';

const ancestors = readAncestors();
const say = (event: object): void => console.log('BOOT ' + JSON.stringify({ pid: process.pid, ...event }));
try {
  const plan = planStart({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd(), ancestors, version: '1.2.3' });
  if (plan.kind === 'print') console.log(plan.text);
  else {
    const { http, defaults, queueNames } = plan.config;
    say({ event: 'plan', entries: plan.entries, port: http.port, timeoutMs: defaults.timeoutMs, queueNames });
    if (process.env['STAY'] !== undefined) stay();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = exitCodes.misconfigured;
}

function stay(): void {
  watchParents(() => { say({ event: 'orphaned' }); process.exit(0); }, ancestors);
  watchSignals((signal, isUrgent) => say({ event: 'signal', signal, isUrgent }));
  setInterval(() => say({ event: 'tick', ppid: process.ppid }), 100);
}
`;

const PACKAGE = {
  name: 'boot-app',
  version: '1.0.0',
  type: 'module',
  scripts: { start: 'nest start --', plain: 'nest start' },
};

/** One line of the application. */
export interface BootEvent {
  readonly event: 'plan' | 'orphaned' | 'signal' | 'tick';
  readonly pid: number;
  readonly [more: string]: unknown;
}

/** A Nest project whose main does nothing but boot, with our own src/boot in it. */
export class BootApp {
  private constructor(readonly folder: string) {}

  static async create(): Promise<BootApp> {
    const folder = await mkdtemp(join(tmpdir(), 'rookery-boot-'));
    await mkdir(join(folder, 'src'));
    for (const room of ['boot', 'config', 'kernel']) {
      await cp(join(ROOT, 'src', room), join(folder, 'src', room), { recursive: true });
    }
    for (const file of ['tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', '.swcrc']) {
      await cp(join(ROOT, file), join(folder, file));
    }
    await writeFile(join(folder, 'src/main.ts'), MAIN);
    await writeFile(join(folder, 'package.json'), JSON.stringify(PACKAGE));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const app = new BootApp(folder);
    const { code, output } = await app.run(['npx', 'nest', 'build']).ended;
    if (code !== 0) throw new Error(`the application was not built: ${output}`);
    return app;
  }

  /** Starts a command in the project's folder, as the first of a process group of its own. */
  run(command: readonly string[], env: Record<string, string> = {}): Running {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd: this.folder,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        npm_config_update_notifier: 'false',
        [MARK]: this.folder,
        ...env,
      },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Running(child);
  }

  /** Ends whatever a test left of the project's processes, and removes it. */
  async remove(): Promise<void> {
    await this.killAll();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Resolves when no process that was started here is left. */
  async killAll(): Promise<void> {
    await eventually(async () => {
      const pids = await this.processes();
      pids.forEach(killQuietly);
      return pids.length === 0;
    });
  }

  /** The pids of all processes that were started here, whoever their parent is by now. */
  async processes(): Promise<number[]> {
    const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
    const found = await Promise.all(pids.map(async (pid) => ((await this.isOurs(pid)) ? [pid] : [])));
    return found.flat();
  }

  private async isOurs(pid: number): Promise<boolean> {
    try {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
      return environment.split('\0').includes(`${MARK}=${this.folder}`);
    } catch {
      // It ended meanwhile, or belongs to another user.
      return false;
    }
  }
}

/** A started command and what its processes print. */
export class Running {
  readonly events: BootEvent[] = [];
  /** Resolves when the command has ended and its output is closed. */
  readonly ended: Promise<{ code: number | null; output: string }>;
  private output = '';

  constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.hear(line));
    }
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output: this.output }));
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The newest event of a kind; undefined when there is none yet. */
  last(event: BootEvent['event']): BootEvent | undefined {
    return this.events.findLast((candidate) => candidate.event === event);
  }

  private hear(line: string): void {
    this.output += `${line}\n`;
    if (line.startsWith('BOOT ')) this.events.push(JSON.parse(line.slice(5)) as BootEvent);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
