import { setTimeout as pause } from 'node:timers/promises';
import { percentile } from '../../figures.js';
import { OnceEach } from '../../once-each.js';
import { joined, type Submitter } from '../peer.js';
import type { Comparison, Round } from './comparison.js';

const A_SECOND = 100;
const SECONDS = 20;
const JOBS = A_SECOND * SECONDS;

/** Jobs at a steady pace into an idle worker of the same process, so that one clock tells: from the call of enqueue to the start. */
export const latency: Comparison = {
  name: `${A_SECOND} jobs/s for ${SECONDS} s into an idle worker, enqueue → start`,
  units: { p50: 'ms', p95: 'ms', p99: 'ms' },
  ratio: { figure: 'p50', isMoreBetter: false },
  async measure(round) {
    const calledAt = new Float64Array(JOBS);
    const waits: number[] = [];
    const starts = new OnceEach(JOBS);
    const submitter = await submitBeside(round, (n) => {
      waits.push(performance.now() - (calledAt[n] ?? Number.NaN));
      starts.started(n);
    });
    const accepted: Promise<void>[] = [];
    const startedAt = performance.now();
    for (let n = 0; n < JOBS; n++) {
      await pause(Math.max(0, startedAt + (n * 1_000) / A_SECOND - performance.now()));
      calledAt[n] = performance.now();
      accepted.push(submitter.enqueue(n));
    }
    await Promise.all([...accepted, starts.all]);
    await submitter.stop();
    starts.assertNoneAgain();
    await round.peer.assertDone(round.place, JOBS);
    return { p50: percentile(waits, 0.5), p95: percentile(waits, 0.95), p99: percentile(waits, 0.99) };
  },
};

/** Submitter and worker in this process; as two services where the peer has no other way. */
async function submitBeside(
  { peer, place, concurrency }: Round,
  onStart: (n: number) => void,
): Promise<Submitter> {
  const settings = { concurrency, onStart };
  const both = peer.readyBoth
    ? await peer.readyBoth(place, settings)
    : joined(await peer.submit(place), await peer.readyWorker(place, settings));
  await both.begin();
  return both;
}
