import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';

/** Reached only by what hangs: a first boot makes a database, on a loaded machine. */
const LONGEST_WAIT_MS = 90_000;

/** What a process printed before its exit is read by then. */
const READING_MS = 1_000;

const READY = /ready: (?<entries>\S.*?) at (?<url>http:\/\/\S+?)\/? /;

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** What a server answered. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command started as a user does, first of a process group of its own, and everything it and its children print. */
export class RookeryProcess {
  /** What was printed, a line each, without colours. */
  readonly lines: string[] = [];
  private readonly rawLines: string[] = [];
  /** Resolves when the command has ended; its children may still hold the output. */
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;
  private readonly waiters = new Set<() => void>();
  private isOutputClosed = false;

  constructor(command: readonly string[], { cwd, env }: StartOptions) {
    const [program = '', ...args] = command;
    this.child = spawn(program, args, {
      cwd,
      env: definedOnly(env),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.hear(line));
    }
    this.ended = this.waitForEnd();
    // Whoever asks hears it.
    this.ended.catch(() => undefined);
  }

  /** Of the command itself: under npm that is npm's, not the program's. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  /** With colours, where there are any. */
  get rawOutput(): string {
    return this.rawLines.join('\n');
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The address of the API, once the process has said that it is ready. */
  async ready(): Promise<string> {
    const match = await this.line(READY);
    return match.groups?.['url'] ?? '';
  }

  /** The first line, printed or still to come, that matches; rejects with the whole output when that is closed without one. */
  line(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        for (const line of this.lines) {
          const match = pattern.exec(line);
          if (match) return settle(() => resolve(match));
        }
        return (
          this.isOutputClosed &&
          settle(() => reject(new Error(`it ended without a line like ${pattern}:\n${this.output}`)))
        );
      };
      const settle = (done: () => void): true => {
        clearTimeout(timer);
        this.waiters.delete(look);
        done();
        return true;
      };
      const giveUp = (): true =>
        settle(() =>
          reject(new Error(`no line like ${pattern} within ${LONGEST_WAIT_MS} ms:\n${this.output}`)),
        );
      const timer = setTimeout(giveUp, LONGEST_WAIT_MS);
      if (!look()) this.waiters.add(look);
    });
  }

  /** Sends the signal to the command alone. */
  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal to the whole group, as the terminal does with Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** Goes away from the other end of the output, as `tee` does that got the same Ctrl-C. */
  stopReading(): void {
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  /** Ends the process as a crash does and waits for that. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** Asks it to stop and waits until it has. */
  async stop(): Promise<Ended> {
    this.signal('SIGTERM');
    return this.ended;
  }

  async get<Body>(path: string): Promise<Answer<Body>> {
    return this.send<Body>('GET', path);
  }

  async post<Body>(path: string, body: unknown): Promise<Answer<Body>> {
    return this.send<Body>('POST', path, body);
  }

  private async send<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const response = await fetch(`${await this.ready()}${path}`, {
      method,
      signal: AbortSignal.timeout(LONGEST_WAIT_MS),
      headers: { connection: 'close', ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body };
  }

  private hear(line: string): void {
    this.rawLines.push(line);
    this.lines.push(stripVTControlCharacters(line));
    this.wake();
  }

  private wake(): void {
    for (const look of [...this.waiters]) look();
  }

  /** The exit alone does not mean that all was read; but with a child that lives on, the output does not close. */
  private waitForEnd(): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        resolve({ code, signal, output: this.output });
      };
      this.child.once('error', reject);
      this.child.once('exit', (code, signal) => setTimeout(() => end(code, signal), READING_MS).unref());
      this.child.once('close', (code, signal) => {
        this.isOutputClosed = true;
        this.wake();
        end(code, signal);
      });
    });
  }
}

function definedOnly(env: StartOptions['env']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
