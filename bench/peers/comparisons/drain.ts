import { OnceEach } from '../once-each.js';
import { recorded, type Peer, type RunningWorker } from '../peer.js';
import { startWorkerProcesses } from '../worker-process.js';
import { RATE, numbersFrom, type Comparison, type Round } from './comparison.js';

/** About a second's worth, of which the engine takes a third to compile what runs: what a short backlog costs. */
const SHORT = 50_000;
const A_CALL = 10_000;

/**
 * A backlog of no-op jobs, run by worker processes of their own: from the first start until every outcome is recorded. The first fetch of each
 * worker is not in that time, which favours whoever fetches most at once. A platform whose submitter and worker are one process is given the
 * backlog in one transaction, so that nothing starts before the last job is there.
 */
export function drain(workers: number, jobs = SHORT): Comparison {
  return {
    name: `drain ${jobs.toLocaleString('en')} no-op jobs by ${workers} worker process${workers > 1 ? 'es' : ''}`,
    ...RATE,
    async measure({ key, peer, place, concurrency }) {
      const question = await peer.openQuestion(place);
      try {
        const starts = new OnceEach(jobs);
        const running =
          peer.submitAndWork && workers === 1
            ? await drainInProcess(peer.submitAndWork, { place, concurrency }, starts, jobs)
            : await drainByProcesses({ key, peer, place, concurrency }, workers, starts, jobs);
        await starts.all;
        const endedAt = await recorded(question);
        await peer.assertDone(place, jobs);
        await running.stop();
        return { rate: jobs / ((endedAt - starts.firstAt) / 1_000) };
      } finally {
        await question.close();
      }
    },
  };
}

async function drainByProcesses(
  { key, peer, place, concurrency }: Round,
  workers: number,
  starts: OnceEach,
  jobs: number,
): Promise<RunningWorker> {
  const submitter = await peer.submit(place);
  for (let at = 0; at < jobs; at += A_CALL) await submitter.enqueueMany(numbersFrom(at, A_CALL));
  await submitter.stop();
  return startWorkerProcesses(workers, { peer: key, place, concurrency }, (started) => starts.told(started));
}

async function drainInProcess(
  submitAndWork: NonNullable<Peer['submitAndWork']>,
  { place, concurrency }: Pick<Round, 'place' | 'concurrency'>,
  starts: OnceEach,
  jobs: number,
): Promise<RunningWorker> {
  const submitter = await submitAndWork(place, { concurrency, onStart: (n) => starts.started(n) });
  await submitter.enqueueMany(numbersFrom(0, jobs));
  return submitter;
}
