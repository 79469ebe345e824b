import { Logger, makeWorkerUtils, run, type Runner } from 'graphile-worker';
import { countIn, openCount } from './count-in.js';
import { assertCount, type Peer, type Place } from './peer.js';

const TASK = 'no_op';

/** Sessions of a worker: as many as its batched fetches and completions keep busy. */
const POOL = 10;

/** Jobs a worker fetches ahead. */
const LOCAL_QUEUE = 500;

const POLL_MS = 500;

const silent = new Logger(() => () => undefined);

const leftJobs = 'SELECT count(*)::int AS count FROM graphile_worker._private_jobs';

const left = ({ postgresUrl }: Place): Promise<number> => countIn(postgresUrl, leftJobs);

/** graphile-worker on PostgreSQL. A finished job is deleted. */
export const graphilePeer: Peer = {
  name: 'graphile-worker',
  settings: `local queue of ${LOCAL_QUEUE}, completions batched, notified of new jobs`,
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
  async work({ postgresUrl }, { concurrency, onStart }) {
    const runner: Runner = await run({
      preset: {
        worker: {
          connectionString: postgresUrl,
          concurrentJobs: concurrency,
          maxPoolSize: POOL,
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
    return { stop: () => runner.stop() };
  },
  openQuestion: ({ postgresUrl }) => openCount(postgresUrl, leftJobs),
  assertDone: async (place) => assertCount('graphile-worker jobs left', await left(place), 0),
  assertWaiting: async (place, expected) =>
    assertCount('graphile-worker jobs waiting', await left(place), expected),
};
