import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BenchSettings } from '../application.js';

const WORKER = fileURLToPath(new URL('../worker.js', import.meta.url));

/** A worker process of its own, which ends when this one does. */
export interface WorkerProcess {
  readonly pid: number;
  /** Rejects when it ends before it was to. */
  readonly failed: Promise<never>;
  /** Asks it to stop; resolves when it has. */
  stop(): Promise<void>;
}

/** Runs `work` beside so many worker processes, and stops them whatever comes of it. Rejects when one ends meanwhile. */
export async function withWorkers<Result>(
  count: number,
  settings: Omit<BenchSettings, 'entry'>,
  work: (workers: readonly WorkerProcess[]) => Promise<Result>,
): Promise<Result> {
  const workers = Array.from({ length: count }, () => startWorker(settings));
  try {
    return await Promise.race([work(workers), ...workers.map(({ failed }) => failed)]);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

function startWorker({ url, concurrency, natsUrl }: Omit<BenchSettings, 'entry'>): WorkerProcess {
  const settings: BenchSettings = {
    url,
    concurrency,
    entry: ['worker'],
    ...(natsUrl !== undefined && { natsUrl }),
  };
  const child = fork(WORKER, [JSON.stringify(settings)]);
  const exited = once(child, 'exit');
  let isStopped = false;
  const failed = exited.then(([code]) =>
    isStopped
      ? new Promise<never>(() => undefined)
      : Promise.reject(new Error(`a worker ended with ${code}`)),
  );
  failed.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    failed,
    async stop() {
      isStopped = true;
      child.kill('SIGTERM');
      await exited;
    },
  };
}
