import { execFile } from 'node:child_process';
import type { ServerUser } from './server-user.js';

/** What a tool answered: `output` is all it printed, `failure` why it is not to be trusted, undefined when it ended well. */
export interface ToolAnswer {
  readonly output: string;
  readonly failure: string | undefined;
}

/**
 * The environment PostgreSQL's programs run in: nothing of ours, so that no PG… variable of the caller and no secret
 * reaches them, and messages in English, because some of them are understood here.
 */
export function toolEnvironment(): Record<string, string> {
  const kept = ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'];
  const found = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(found), LC_ALL: 'C', TZ: 'UTC' };
}

/** Runs a program of PostgreSQL to its end as that user; never rejects. Killed when `boundMs` is over. */
export function runTool(
  program: string,
  args: readonly string[],
  options: {
    readonly user: ServerUser | undefined;
    readonly folder: string;
    readonly boundMs: number;
    readonly signal?: AbortSignal;
  },
): Promise<ToolAnswer> {
  const { user, folder, boundMs, signal } = options;
  return new Promise((resolve) => {
    const settings = {
      cwd: folder,
      env: toolEnvironment(),
      timeout: boundMs,
      ...(signal ? { signal } : {}),
      ...user,
    };
    const answer = (error: Error | null, stdout: string, stderr: string): void =>
      resolve({ output: `${stdout}${stderr}`, failure: error?.message });
    try {
      execFile(program, args, settings, answer);
    } catch (error) {
      resolve({ output: '', failure: (error as Error).message });
    }
  });
}
