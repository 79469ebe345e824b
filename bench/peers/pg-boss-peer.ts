import PgBoss from 'pg-boss';
import {
  assertCount,
  joined,
  type Peer,
  type Place,
  type ReadyWorker,
  type Submitter,
  type WorkerSettings,
} from './peer.js';
import { countIn, openCount } from './count-in.js';

const QUEUE = 'bench';

/** The least pg-boss polls with, in s. */
const POLL_SECONDS = 0.5;

/** Jobs one fetch takes. The more the better for it: each fetch reads past what the ones before have finished. */
const BATCH = 25_000;

async function open({ postgresUrl }: Place): Promise<PgBoss> {
  // No maintenance in the middle of a measurement.
  const boss = new PgBoss({ connectionString: postgresUrl, supervise: false, schedule: false });
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  return boss;
}

const close = (boss: PgBoss): Promise<void> => boss.stop({ graceful: true, wait: true });

function submitterOf(boss: PgBoss): Submitter {
  return {
    async enqueue(n) {
      await boss.send(QUEUE, { n });
    },
    enqueueMany: (numbers) => boss.insert(numbers.map((n) => ({ name: QUEUE, data: { n } }))),
    stop: () => close(boss),
  };
}

/** A worker that fetches again at once when it was given jobs, instead of at its next poll; and whenever `notify` is called. */
function workerOf(boss: PgBoss, { onStart }: WorkerSettings): ReadyWorker & { notify(): void } {
  const options = { batchSize: BATCH, pollingIntervalSeconds: POLL_SECONDS };
  let id: string | undefined;
  const notify = (): void => {
    if (id !== undefined) boss.notifyWorker(id);
  };
  return {
    notify,
    async begin() {
      id = await boss.work<{ n: number }>(QUEUE, options, (jobs) => {
        for (const { data } of jobs) onStart(data.n);
        notify();
        return Promise.resolve();
      });
    },
    stop: () => close(boss),
  };
}

/** pg-boss on PostgreSQL. Finished jobs stay until they are archived. */
export const pgBossPeer: Peer = {
  name: 'pg-boss',
  settings: `batchSize ${BATCH.toLocaleString('en')}, fetches again at once while there are jobs, and when notified within its process; else every ${POLL_SECONDS} s`,
  packageName: 'pg-boss',
  isOneProcess: false,
  async prepare(place) {
    const boss = await open(place);
    await boss.createQueue(QUEUE);
    await close(boss);
  },
  submit: async (place) => submitterOf(await open(place)),
  readyWorker: async (place, settings) => workerOf(await open(place), settings),
  async readyBoth(place, settings) {
    const submitter = await pgBossPeer.submit(place);
    const worker = workerOf(await open(place), settings);
    const both = joined(submitter, worker);
    return {
      ...both,
      async enqueue(n) {
        await both.enqueue(n);
        worker.notify();
      },
    };
  },
  openQuestion: ({ postgresUrl }) =>
    openCount(
      postgresUrl,
      `SELECT count(*)::int AS count FROM pgboss.job WHERE name = '${QUEUE}' AND state < 'completed'`,
    ),
  async assertDone({ postgresUrl }, expected) {
    const sql = `SELECT count(*)::int AS count FROM pgboss.job WHERE name = '${QUEUE}' AND state = 'completed'`;
    assertCount('pg-boss jobs completed', await countIn(postgresUrl, sql), expected);
  },
  async assertWaiting({ postgresUrl }, expected) {
    const sql = `SELECT count(*)::int AS count FROM pgboss.job WHERE name = '${QUEUE}' AND state = 'created'`;
    assertCount('pg-boss jobs created', await countIn(postgresUrl, sql), expected);
  },
};
