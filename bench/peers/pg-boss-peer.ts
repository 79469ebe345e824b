import PgBoss from 'pg-boss';
import { assertCount, type Peer, type Place } from './peer.js';
import { countIn, openCount } from './count-in.js';

const QUEUE = 'bench';

/** The least pg-boss polls with, in s. */
const POLL_SECONDS = 0.5;

/** Jobs one fetch takes: it fetches twice a second, so this is what bounds its rate. */
const BATCH = 10_000;

async function open({ postgresUrl }: Place): Promise<PgBoss> {
  // No maintenance in the middle of a measurement.
  const boss = new PgBoss({ connectionString: postgresUrl, supervise: false, schedule: false });
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  return boss;
}

const close = (boss: PgBoss): Promise<void> => boss.stop({ graceful: true, wait: true });

/** pg-boss on PostgreSQL. Finished jobs stay until they are archived. */
export const pgBossPeer: Peer = {
  name: 'pg-boss',
  settings: `batchSize ${BATCH.toLocaleString('en')}, polls every ${POLL_SECONDS} s`,
  async prepare(place) {
    const boss = await open(place);
    await boss.createQueue(QUEUE);
    await close(boss);
  },
  async submit(place) {
    const boss = await open(place);
    return {
      async enqueue(n) {
        await boss.send(QUEUE, { n });
      },
      enqueueMany: (numbers) => boss.insert(numbers.map((n) => ({ name: QUEUE, data: { n } }))),
      stop: () => close(boss),
    };
  },
  async readyWorker(place, { onStart }) {
    const boss = await open(place);
    const options = { batchSize: BATCH, pollingIntervalSeconds: POLL_SECONDS };
    return {
      async begin() {
        await boss.work<{ n: number }>(QUEUE, options, (jobs) => {
          for (const { data } of jobs) onStart(data.n);
          return Promise.resolve();
        });
      },
      stop: () => close(boss),
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
