import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** The built program; the run builds it before its first end-to-end test. */
const PROGRAM = join(import.meta.dirname, '../../dist/cli/main.js');

/** What a run of `rookery` came to. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What the program reads; nothing at all by default. */
  readonly stdin?: string;
  readonly cwd?: string;
}

/** Runs the built `rookery` as a process of its own, to its end, with no variable of ours in its environment but those given. */
export async function runCli(
  args: readonly string[],
  { env = {}, stdin = '', cwd }: CliOptions = {},
): Promise<CliRun> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(ROOKERY_|PORT$|DATABASE_URL$)/.test(name),
  );
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    ...(cwd !== undefined && { cwd }),
  });
  // A program that does not read what it is given closes its end early.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
