import { OnceEach } from '../once-each.js';
import { recorded, type Peer } from '../peer.js';
import { startWorkerProcesses } from '../worker-process.js';
import { RATE, numbersFrom, type Comparison, type Round } from './comparison.js';

/** About a second's worth, of which the engine takes a third to compile what runs: what a short backlog costs. */
const SHORT = 50_000;
const A_CALL = 10_000;

/**
 * A backlog of no-op jobs, run by worker processes of their own: from the first start until every outcome is recorded, so that what fetches
 * ten thousand at a time is not given these for nothing. A platform whose submitter and worker are one process is given the backlog in one
 * transaction, so that nothing starts before the last job is there.
 */
export function drain(workers: number, jobs = SHORT): Comparison {
  return {
    name: `drain ${jobs.toLocaleString('en')} no-op jobs by ${workers} worker process${workers > 1 ? 'es' : ''}`,
    ...RATE,
    async measure({ key, peer, place, concurrency }) {
      if (peer.submitAndWork && workers === 1)
        return drainInProcess(peer.submitAndWork, { peer, place, concurrency, jobs });
      const submitter = await peer.submit(place);
      for (let at = 0; at < jobs; at += A_CALL) await submitter.enqueueMany(numbersFrom(at, A_CALL));
      await submitter.stop();
      const starts = new OnceEach(jobs);
      const worker = await startWorkerProcesses(workers, { peer: key, place, concurrency }, (started) =>
        starts.told(started),
      );
      await starts.all;
      const endedAt = await recorded(peer, place);
      await worker.stop();
      await peer.assertDone(place, jobs);
      return { rate: jobs / ((endedAt - starts.firstAt) / 1_000) };
    },
  };
}

async function drainInProcess(
  submitAndWork: NonNullable<Peer['submitAndWork']>,
  { peer, place, concurrency, jobs }: Omit<Round, 'key'> & { readonly jobs: number },
): Promise<{ readonly rate: number }> {
  const starts = new OnceEach(jobs);
  const submitter = await submitAndWork(place, { concurrency, onStart: (n) => starts.started(n) });
  await submitter.enqueueMany(numbersFrom(0, jobs));
  await starts.all;
  const endedAt = await recorded(peer, place);
  await submitter.stop();
  await peer.assertDone(place, jobs);
  return { rate: jobs / ((endedAt - starts.firstAt) / 1_000) };
}
