import { chown, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isMissing } from './home-folder.js';
import { identifyProcess } from '../../../kernel/process-identity.js';
import { readPostmasterFile, type PostmasterFile } from './postmaster-file.js';

/** The server that runs on that data now, by its own word and the machine's; undefined when there is none. */
export async function findRunningServer(data: string): Promise<PostmasterFile | undefined> {
  const file = await readFileOf(data);
  return file && (await isServerOf(file.pid, data)) ? file : undefined;
}

/** True while that process serves that data. Where the machine tells nothing of a process, its pid is believed. */
export async function isServerOf(pid: number, data: string): Promise<boolean> {
  const found = await identifyProcess(pid);
  if (!found) return false;
  const { command, folder } = found;
  if (command === undefined) return true;
  // A server's own children bear its working folder too, under names like "postgres: checkpointer".
  if (!command.includes('postgres') || command.startsWith('postgres:')) return false;
  return folder === undefined ? command.includes(data) : folder === data;
}

/**
 * Makes a postmaster.pid that names a stranger harmless; for a caller that holds the launch lock and found no server.
 * PostgreSQL refuses to start when the pid in the file is alive, though it may be any process by now, but takes its own
 * parent's pid for a remnant. The rest of the file stays: by it PostgreSQL notices children of a dead server that still run.
 */
export async function disarmStaleFile(data: string): Promise<void> {
  const path = join(data, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return;
  // Empty when the machine stopped in the middle of a start; PostgreSQL leaves it to us to know that nobody starts it now.
  if (text.trim() === '') return rm(path);
  const { uid, gid } = await stat(data);
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text.replace(/^\s*-?\d*/, String(process.pid)), { mode: 0o600 });
  if (process.getuid?.() === 0) await chown(draft, uid, gid);
  await rename(draft, path);
}

async function readFileOf(data: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  return text === undefined ? undefined : readPostmasterFile(text);
}
