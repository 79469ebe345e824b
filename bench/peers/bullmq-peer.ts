import { Queue, Worker, type JobsOptions } from 'bullmq';
import { assertCount, joined, type Peer, type Place } from './peer.js';

const QUEUE = 'bench';

/** Without it every finished job stays in Redis, which costs BullMQ a little and Redis a lot of memory. */
const JOB: JobsOptions = { removeOnComplete: true };

const connectionTo = ({ redisPort }: Place): { host: string; port: number } => ({
  host: '127.0.0.1',
  port: redisPort,
});

async function withQueue<Result>(place: Place, work: (queue: Queue) => Promise<Result>): Promise<Result> {
  const queue = new Queue(QUEUE, { connection: connectionTo(place) });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

/** Jobs in any state: what finishes is removed. */
async function leftIn(queue: Queue): Promise<number> {
  const counts = await queue.getJobCounts();
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** BullMQ on Redis. A finished job leaves no history. */
export const bullmqPeer: Peer = {
  name: 'BullMQ',
  packageName: 'bullmq',
  isOneProcess: false,
  settings: 'append-only file, fsync every second; finished jobs removed',
  prepare: (place) => withQueue(place, (queue) => queue.obliterate({ force: true })),
  submit(place) {
    const queue = new Queue(QUEUE, { connection: connectionTo(place), defaultJobOptions: JOB });
    return Promise.resolve({
      async enqueue(n) {
        await queue.add('no-op', { n });
      },
      async enqueueMany(numbers) {
        await queue.addBulk(numbers.map((n) => ({ name: 'no-op', data: { n }, opts: JOB })));
      },
      stop: () => queue.close(),
    });
  },
  async readyWorker(place, { concurrency, onStart }) {
    const worker = new Worker<{ n: number }>(
      QUEUE,
      (job) => {
        onStart(job.data.n);
        return Promise.resolve();
      },
      { connection: { ...connectionTo(place), maxRetriesPerRequest: null }, concurrency, autorun: false },
    );
    await worker.waitUntilReady();
    return {
      begin() {
        // Ends with the worker.
        void worker.run();
        return Promise.resolve();
      },
      stop: () => worker.close(),
    };
  },
  readyBoth: async (place, settings) =>
    joined(await bullmqPeer.submit(place), await bullmqPeer.readyWorker(place, settings)),
  openQuestion(place) {
    const queue = new Queue(QUEUE, { connection: connectionTo(place) });
    return Promise.resolve({ left: () => leftIn(queue), close: () => queue.close() });
  },
  assertDone: async (place) => assertCount('BullMQ jobs left', await withQueue(place, leftIn), 0),
  assertWaiting: (place, expected) =>
    withQueue(place, async (queue) =>
      assertCount('BullMQ jobs waiting', await queue.getWaitingCount(), expected),
    ),
};
