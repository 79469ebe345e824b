import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process of the machine. */
export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its words joined by blanks. */
  readonly command: string;
}

interface Seen extends FoundProcess {
  readonly folder: string;
}

/**
 * Every live process that works in or below that folder, or names it on its command line, and all their descendants: so the
 * backends of a server are found with it. Zombies have ended.
 */
export async function processesOf(folder: string): Promise<FoundProcess[]> {
  const all = await allProcesses();
  const found = new Map(all.filter((one) => isOf(one, folder)).map((one) => [one.pid, one]));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const one of all) if (found.has(one.parent)) found.set(one.pid, one);
  }
  return [...found.values()].map(({ pid, parent, command }) => ({ pid, parent, command }));
}

/** Ends processes as a crash does; those that have ended meanwhile are passed over. */
export function killAll(processes: readonly FoundProcess[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

function isOf({ pid, folder, command }: Seen, below: string): boolean {
  return (
    pid !== process.pid && (folder === below || folder.startsWith(`${below}/`) || command.includes(below))
  );
}

async function allProcesses(): Promise<Seen[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return (await Promise.all(pids.map(see))).filter((one) => one !== undefined);
}

async function see(pid: string): Promise<Seen | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    // Told of one's own processes only; a server of another user is found by its command line.
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    return { pid: Number(pid), parent: Number(parent), command, folder };
  } catch {
    return undefined;
  }
}
