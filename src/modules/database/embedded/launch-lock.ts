import { randomUUID } from 'node:crypto';
import { chmod, link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { embeddedError } from './embedded-error.js';
import { isMissing } from './home-folder.js';
import { identifyProcess } from '../../../kernel/process-identity.js';
import { waitUntil } from './wait-until.js';

/**
 * One process at a time decides about a folder's server: looks for it, makes its data, starts it, stops it.
 *
 * Node has no flock, and a lock file that is deleted when its holder looks dead can be deleted just after somebody else
 * took it. So nothing is ever taken back: the lock is the file with the highest number in a folder. It is held while the
 * process it names lives, and taken over by making the next number, which only one process can. Files are made by link(),
 * so that they have their whole text from the first moment, and only the holder of a higher number removes lower ones.
 */
export interface LaunchLock {
  /** Lets the next process in; does nothing the second time. */
  release(): Promise<void>;
}

const POLL_MS = 15;

interface Holder {
  readonly pid: number;
  readonly birth: string | undefined;
}

/** The lock of that folder, or undefined when a living process kept it for longer than `boundMs`. */
export async function tryLaunchLock(
  folder: string,
  boundMs: number,
  signal?: AbortSignal,
  onProgress?: (waitedMs: number) => void,
): Promise<LaunchLock | undefined> {
  const self: Holder = { pid: process.pid, birth: (await identifyProcess(process.pid))?.birth };
  return waitUntil(() => takeOnce(folder, self), { everyMs: POLL_MS, boundMs, signal, onProgress });
}

/** The lock of that folder; throws `locked` when a living process kept it for longer than `boundMs`. */
export async function takeLaunchLock(
  folder: string,
  boundMs: number,
  signal?: AbortSignal,
  onProgress?: (waitedMs: number) => void,
): Promise<LaunchLock> {
  const lock = await tryLaunchLock(folder, boundMs, signal, onProgress);
  if (lock) return lock;
  const holder = await readHolder(folder, await highestNumber(folder));
  throw embeddedError(
    'locked',
    `process ${holder?.pid ?? '?'} has been starting or stopping the server of ${folder} for more than ${Math.round(boundMs / 1000)} s; end that process and try again`,
  );
}

async function takeOnce(folder: string, self: Holder): Promise<LaunchLock | undefined> {
  const highest = await highestNumber(folder);
  const holder = highest === 0 ? undefined : await readHolder(folder, highest);
  if (holder && (await isAlive(holder))) return undefined;
  const mine = highest + 1;
  if (!(await makeFile(folder, mine, JSON.stringify(self)))) return undefined;
  // Somebody may have taken and left a higher number since the look; then ours counts for nothing.
  if ((await highestNumber(folder)) !== mine) {
    await rm(fileOf(folder, mine), { force: true });
    return undefined;
  }
  await removeBelow(folder, mine);
  return { release: () => release(folder, mine) };
}

/** The file stays, empty: the numbers must never start again while a slow process still holds an old look at them. */
async function release(folder: string, mine: number): Promise<void> {
  await truncate(fileOf(folder, mine), 0).catch(() => undefined);
}

async function makeFile(folder: string, number: number, text: string): Promise<boolean> {
  const draft = join(folder, `draft-${randomUUID()}`);
  await writeFile(draft, text);
  // Root's lock, too, is read by the user who shares the folder with it.
  await chmod(draft, 0o644);
  try {
    await link(draft, fileOf(folder, number));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function removeBelow(folder: string, number: number): Promise<void> {
  const older = (await numbersIn(folder)).filter((other) => other < number);
  await Promise.all(older.map((other) => rm(fileOf(folder, other), { force: true })));
}

async function readHolder(folder: string, number: number): Promise<Holder | undefined> {
  const text = await readFile(fileOf(folder, number), 'utf8').catch((error: unknown) => {
    // Removed since the look, by the holder of a higher number.
    if (isMissing(error)) return '';
    throw error;
  });
  return text === '' ? undefined : (JSON.parse(text) as Holder);
}

async function isAlive(holder: Holder): Promise<boolean> {
  const found = await identifyProcess(holder.pid);
  if (!found) return false;
  return holder.birth === undefined || found.birth === undefined || holder.birth === found.birth;
}

async function highestNumber(folder: string): Promise<number> {
  return Math.max(0, ...(await numbersIn(folder)));
}

async function numbersIn(folder: string): Promise<number[]> {
  return (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number);
}

function fileOf(folder: string, number: number): string {
  return join(folder, String(number));
}
