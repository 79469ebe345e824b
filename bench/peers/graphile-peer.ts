import { Logger, makeWorkerUtils, run, type Runner } from 'graphile-worker';
import { Pool } from 'pg';
import { countIn, openCount } from './count-in.js';
import { assertCount, joined, type Peer, type Place } from './peer.js';

const TASK = 'no_op';

/** Sessions of a worker: as many as its batched fetches and completions keep busy. */
const POOL = 10;

/** Jobs a worker fetches ahead. With as many as its slots, 500, it drains at half the rate; beyond 5,000 it gains no more. */
const LOCAL_QUEUE = 10_000;

const POLL_MS = 500;

const silent = new Logger(() => () => undefined);

const leftJobs = 'SELECT count(*)::int AS count FROM graphile_worker._private_jobs';

const left = ({ postgresUrl }: Place): Promise<number> => countIn(postgresUrl, leftJobs);

/** A pool whose sessions are open. */
async function connected(postgresUrl: string): Promise<Pool> {
  const pool = new Pool({ connectionString: postgresUrl, max: POOL });
  const tell = (error: Error): void => void process.stderr.write(`graphile-worker: ${error.message}\n`);
  pool.on('error', tell);
  pool.on('connect', (client) => client.on('error', tell));
  const clients = await Promise.all(Array.from({ length: POOL }, () => pool.connect()));
  for (const client of clients) client.release();
  return pool;
}

/** graphile-worker on PostgreSQL. A finished job is deleted. */
export const graphilePeer: Peer = {
  name: 'graphile-worker',
  packageName: 'graphile-worker',
  isOneProcess: false,
  settings: `local queue of ${LOCAL_QUEUE.toLocaleString('en')}, completions batched, notified of new jobs`,
  async prepare({ postgresUrl }) {
    const utils = await makeWorkerUtils({ connectionString: postgresUrl, logger: silent });
    await utils.migrate();
    await utils.release();
  },
  async submit({ postgresUrl }) {
    const utils = await makeWorkerUtils({ connectionString: postgresUrl, logger: silent, maxPoolSize: POOL });
    return {
      async enqueue(n) {
        await utils.addJob(TASK, { n });
      },
      async enqueueMany(numbers) {
        await utils.addJobs(numbers.map((n) => ({ identifier: TASK, payload: { n } })));
      },
      stop: async () => utils.release(),
    };
  },
  async readyWorker({ postgresUrl }, { concurrency, onStart }) {
    const pgPool = await connected(postgresUrl);
    let runner: Runner | undefined;
    return {
      async begin() {
        runner = await run({
          pgPool,
          preset: {
            worker: {
              concurrentJobs: concurrency,
              pollInterval: POLL_MS,
              localQueue: { size: LOCAL_QUEUE },
              completeJobBatchDelay: 0,
              failJobBatchDelay: 0,
              logger: silent,
            },
          },
          noHandleSignals: true,
          taskList: { [TASK]: (payload) => onStart((payload as { n: number }).n) },
        });
      },
      async stop() {
        await runner?.stop();
        await pgPool.end();
      },
    };
  },
  readyBoth: async (place, settings) =>
    joined(await graphilePeer.submit(place), await graphilePeer.readyWorker(place, settings)),
  openQuestion: ({ postgresUrl }) => openCount(postgresUrl, leftJobs),
  assertDone: async (place) => assertCount('graphile-worker jobs left', await left(place), 0),
  assertWaiting: async (place, expected) =>
    assertCount('graphile-worker jobs waiting', await left(place), expected),
};
