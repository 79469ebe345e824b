import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BenchSettings } from '../application.js';

const WORKER = fileURLToPath(new URL('../worker.js', import.meta.url));

/** A worker process of its own. */
export interface WorkerProcess {
  readonly pid: number;
  /** Asks it to stop; resolves when it has. */
  stop(): Promise<void>;
}

export function startWorker(settings: Omit<BenchSettings, 'entry'>): WorkerProcess {
  const argument = JSON.stringify({ ...settings, entry: ['worker'] });
  const child = spawn(process.execPath, [WORKER, argument], { stdio: 'inherit' });
  const exited = once(child, 'exit');
  return {
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
