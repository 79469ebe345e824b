import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readProcessStat } from '../kernel/process-identity.js';
import type { Ancestor } from './launchers.js';

/** npm run → sh → npm start → sh → nest → sh → node is seven deep; beyond twice that nothing of ours is found. */
const MOST_ANCESTORS = 14;

/** The processes above this one, nearest first. Where the system tells nothing about them (Windows) there are none. */
export function readAncestors(parent: number = process.ppid): Ancestor[] {
  const ancestors: Ancestor[] = [];
  let pid = parent;
  while (pid > 0 && ancestors.length < MOST_ANCESTORS) {
    const found = readFromProc(pid) ?? readFromPs(pid);
    if (!found) break;
    ancestors.push(found.ancestor);
    pid = found.parent;
  }
  return ancestors;
}

/** A process, and the pid of its parent. */
export interface Found {
  readonly ancestor: Ancestor;
  readonly parent: number;
}

/** From /proc; undefined when there is no such process, or no /proc. */
export function readFromProc(pid: number): Found | undefined {
  const stat = readProcessStat(pid);
  if (!stat) return undefined;
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+$/, '').split('\0');
    // A process that changed its title has all of it in the first word.
    const words = args.length === 1 ? (args[0] ?? '').split(' ') : args;
    return { ancestor: { pid, args: words, startedAt: stat.startedAt }, parent: stat.parent };
  } catch {
    return undefined;
  }
}

/** From `ps`, for systems without /proc; words with blanks in them come apart, which no flag of ours has. */
export function readFromPs(pid: number): Found | undefined {
  if (process.platform === 'win32') return undefined;
  const { stdout, status } = spawnSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], {
    encoding: 'utf8',
    timeout: 5_000,
  });
  const match = status === 0 ? /^\s*(\d+)\s+(.*\S)/.exec(stdout) : null;
  if (!match?.[2]) return undefined;
  return { ancestor: { pid, args: match[2].split(/\s+/) }, parent: Number(match[1]) };
}

/** True while that very process lives: not a later one of the same pid, nor the remains nobody has waited for. */
export function isAlive({ pid, startedAt }: Ancestor): boolean {
  if (startedAt !== undefined) {
    const stat = readProcessStat(pid);
    return stat?.startedAt === startedAt && !stat.hasEnded;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
