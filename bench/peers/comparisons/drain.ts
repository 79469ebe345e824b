import { OnceEach } from '../../once-each.js';
import { recorded, type Peer, type ReadyWorker, type Submitter } from '../peer.js';
import { startWorkerProcesses } from '../worker-process.js';
import { RATE, numbersFrom, type Comparison, type Round } from './comparison.js';

/** About a second's worth, of which the engine takes a third to compile what runs: what a short backlog costs. */
const SHORT = 50_000;
const A_CALL = 10_000;

/**
 * A backlog of no-op jobs, run by workers that are connected and told to begin together: from then until every outcome is recorded. One worker is in the
 * process that has submitted the backlog, where a platform allows that, so that all have their code as warm; two are processes of their own.
 */
export function drain(workers: number, jobs = SHORT): Comparison {
  return {
    name: `drain ${jobs.toLocaleString('en')} no-op jobs by ${workers} worker process${workers > 1 ? 'es' : ''}`,
    ...RATE,
    async measure(round) {
      const { peer, place } = round;
      const question = await peer.openQuestion(place);
      try {
        const starts = new OnceEach(jobs);
        const worker =
          workers === 1 && peer.readyBoth
            ? await readyWithBacklog(peer.readyBoth, round, starts, jobs)
            : await readyBesideBacklog(round, workers, starts, jobs);
        const startedAt = performance.now();
        await worker.begin();
        await starts.all;
        await recorded(question);
        const seconds = (performance.now() - startedAt) / 1_000;
        await peer.assertDone(place, jobs);
        await worker.stop();
        starts.assertNoneAgain();
        return { rate: jobs / seconds };
      } finally {
        await question.close();
      }
    },
  };
}

async function readyBesideBacklog(
  { key, peer, place, concurrency }: Round,
  workers: number,
  starts: OnceEach,
  jobs: number,
): Promise<ReadyWorker> {
  const submitter = await peer.submit(place);
  await enqueueBacklog(submitter, jobs);
  await submitter.stop();
  return startWorkerProcesses(workers, { peer: key, place, concurrency }, starts);
}

async function readyWithBacklog(
  readyBoth: NonNullable<Peer['readyBoth']>,
  { place, concurrency }: Round,
  starts: OnceEach,
  jobs: number,
): Promise<ReadyWorker> {
  const both = await readyBoth(place, { concurrency, onStart: (n) => starts.started(n) });
  await enqueueBacklog(both, jobs);
  return both;
}

async function enqueueBacklog(submitter: Submitter, jobs: number): Promise<void> {
  for (let at = 0; at < jobs; at += A_CALL) await submitter.enqueueMany(numbersFrom(at, A_CALL));
}
