import { readdir } from 'node:fs/promises';
import { identifyProcess } from '../../../kernel/process-identity.js';

/** Ends what still runs in that data folder; for a caller that knows that its server is dead. Knows no processes but Linux's. */
export async function killLeftovers(data: string): Promise<void> {
  if (process.platform !== 'linux') return;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    const found = await identifyProcess(pid);
    if (found?.folder === data && found.command?.startsWith('postgres:')) process.kill(pid, 'SIGKILL');
  }
}
