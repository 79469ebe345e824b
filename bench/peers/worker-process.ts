import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { OnceEach } from '../once-each.js';
import type { Place, ReadyWorker } from './peer.js';

const SCRIPT = fileURLToPath(new URL('worker-main.js', import.meta.url));

/** What a worker process tells: the numbers of the jobs it started. */
export type Started = readonly number[];

export interface WorkerOrder {
  readonly peer: string;
  readonly place: Place;
  readonly concurrency: number;
}

/** Makes a peer's worker in a process of its own. */
export async function startWorkerProcess(order: WorkerOrder, starts: OnceEach): Promise<ReadyWorker> {
  const child: ChildProcess = fork(SCRIPT, [JSON.stringify(order)]);
  const exited = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error(`the worker of ${order.peer} did not start`))),
  ]);
  child.on('message', (numbers) => {
    for (const n of numbers as Started) starts.started(n);
  });
  const onEnd = (code: number | null): void =>
    starts.failed(new Error(`the worker of ${order.peer} ended with ${code} while it was to run`));
  child.once('exit', onEnd);
  return {
    begin() {
      child.send('begin');
      return Promise.resolve();
    },
    async stop() {
      child.off('exit', onEnd);
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      if (code !== 0) throw new Error(`the worker of ${order.peer} ended with ${code}`);
    },
  };
}

/** Several worker processes that begin and stop together. */
export async function startWorkerProcesses(
  count: number,
  order: WorkerOrder,
  starts: OnceEach,
): Promise<ReadyWorker> {
  const workers = await Promise.all(Array.from({ length: count }, () => startWorkerProcess(order, starts)));
  return {
    begin: async () => void (await Promise.all(workers.map((worker) => worker.begin()))),
    stop: async () => void (await Promise.all(workers.map((worker) => worker.stop()))),
  };
}
