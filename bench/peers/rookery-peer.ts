import { NoOp, startApplication, starts, type BenchApplication, type BenchSettings } from '../application.js';
import { countIn, openCount } from './count-in.js';
import { assertCount, type Peer, type Place, type ReadyWorker, type Submitter } from './peer.js';

type Entry = BenchSettings['entry'];

const done = `SELECT count(*)::int AS count FROM job WHERE status = 'done'`;
/** The newest begin last, and two workers hold no more than this: to read every row, again and again, would take a good part of what is measured. */
const left = `SELECT count(*)::int AS count FROM (SELECT status FROM job ORDER BY id DESC LIMIT 5000) AS newest WHERE status IN ('waiting', 'executing')`;
const waiting = `SELECT count(*)::int AS count FROM job WHERE status = 'waiting'`;

/** Rookery, in one process or with a NATS server between its services. Every job's history stays. */
function rookeryPeer(name: string, settings: string, hasNats: boolean): Peer {
  const start = ({ postgresUrl, natsUrl }: Place, entry: Entry, concurrency: number) =>
    startApplication({ url: postgresUrl, entry, concurrency, ...(hasNats && { natsUrl }) });
  return {
    name,
    settings,
    isOneProcess: !hasNats,
    async prepare(place) {
      const application = await start(place, ['job'], 1);
      // Until a worker begins.
      await application.setPaused(true);
      await application.stop();
    },
    submit: async (place) => submitterOf(await start(place, ['job'], 1)),
    async readyWorker(place, { concurrency, onStart }) {
      starts.onStart = onStart;
      return workerOf(await start(place, ['worker'], concurrency));
    },
    ...(!hasNats && {
      async readyBoth(place, { concurrency, onStart }) {
        starts.onStart = onStart;
        const application = await start(place, ['all'], concurrency);
        return { ...submitterOf(application), ...workerOf(application) };
      },
    }),
    openQuestion: ({ postgresUrl }) => openCount(postgresUrl, left),
    assertDone: async ({ postgresUrl }, expected) =>
      assertCount(`${name} jobs done`, await countIn(postgresUrl, done), expected),
    assertWaiting: async ({ postgresUrl }, expected) =>
      assertCount(`${name} jobs waiting`, await countIn(postgresUrl, waiting), expected),
  };
}

function submitterOf({ jobs, stop }: BenchApplication): Submitter {
  return {
    async enqueue(n) {
      await jobs.enqueue(NoOp, { n });
    },
    async enqueueMany(numbers) {
      await jobs.enqueueMany(
        NoOp,
        numbers.map((n) => ({ payload: { n } })),
      );
    },
    stop,
  };
}

function workerOf({ setPaused, stop }: BenchApplication): ReadyWorker {
  return { begin: () => setPaused(false), stop };
}

export const rookeryInProcess = rookeryPeer(
  'Rookery',
  'one process; two workers without NATS work from the table; maxBatchSize 500; every job kept with its history',
  false,
);
export const rookeryOverNats = rookeryPeer(
  'Rookery over NATS',
  'services of their own; maxBatchSize 500; every job kept with its history',
  true,
);
