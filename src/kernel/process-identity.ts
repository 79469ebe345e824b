import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Drawn anew at each boot of the machine. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** What can be learned of a running process; undefined where the machine does not tell. */
export interface ProcessIdentity {
  /** Differs between two processes that had the same pid, also across a reboot. */
  readonly birth: string | undefined;
  /** The command line, its words joined by NUL or blanks. */
  readonly command: string | undefined;
  /** The working folder; told only of one's own user's processes, or to root. */
  readonly folder: string | undefined;
}

/** The process of that pid, or undefined when there is none. A zombie has ended, whatever its parent still owes it. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (!isSignalable(pid)) return undefined;
  if (process.platform === 'linux') return identifyByProc(pid);
  if (process.platform === 'win32') return { birth: undefined, command: undefined, folder: undefined };
  return identifyByPs(pid);
}

/**
 * When the process of that pid began, as `birth` tells it and without waiting; undefined when there is none, or when the platform has no
 * /proc.
 */
export function processStartedAt(pid: number): string | undefined {
  try {
    return birthOf(readFileSync(`/proc/${pid}/stat`, 'utf8'), readFileSync(BOOT_ID, 'utf8'));
  } catch {
    return undefined;
  }
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function identifyByProc(pid: number): Promise<ProcessIdentity | undefined> {
  const [stat, command, folder, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8').catch(noAnswer),
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(noAnswer),
    readlink(`/proc/${pid}/cwd`).catch(noAnswer),
    readFile(BOOT_ID, 'utf8').catch(noAnswer),
  ]);
  if (stat === undefined) return isSignalable(pid) ? { birth: undefined, command, folder } : undefined;
  const birth = birthOf(stat, boot ?? '');
  return birth === undefined ? undefined : { birth, command, folder };
}

/** What /proc/PID/stat tells of a process. */
export interface ProcessStat {
  readonly parent: number;
  /** In ticks since the boot of the machine. */
  readonly startedAt: string;
  /** True of what nobody has waited for yet. */
  readonly hasEnded: boolean;
}

/** The process of that pid as /proc tells it now; undefined when there is none, or the platform has no /proc. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The name, in parentheses, may itself hold blanks and brackets: fields are counted from behind it. */
function parseStat(text: string): ProcessStat {
  // The state is the 3rd field, the parent the 4th, the start the 22nd.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    parent: Number(fields[1]),
    startedAt: fields[19] ?? '',
    hasEnded: fields[0] === 'Z' || fields[0] === 'X',
  };
}

/** Undefined for a process that has ended. */
function birthOf(stat: string, bootId: string): string | undefined {
  const { hasEnded, startedAt } = parseStat(stat);
  return hasEnded ? undefined : `${bootId.trim()}/${startedAt}`;
}

async function identifyByPs(pid: number): Promise<ProcessIdentity | undefined> {
  const ask = async (column: string): Promise<string | undefined> =>
    (await run('ps', ['-o', `${column}=`, '-p', String(pid)]).catch(noAnswer))?.stdout.trim();
  const [birth, state, command] = await Promise.all([ask('lstart'), ask('state'), ask('command')]);
  if (state?.startsWith('Z')) return undefined;
  return { birth, command, folder: undefined };
}

function noAnswer(): undefined {
  return undefined;
}
