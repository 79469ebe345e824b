import { RATE, numbersFrom, type Comparison } from './comparison.js';

const JOBS = 100_000;
const A_CALL = 10_000;

/** Many jobs in few calls, with nobody to run them. */
export const bulk: Comparison = {
  name: `bulk enqueue of ${JOBS.toLocaleString('en')}, ${A_CALL.toLocaleString('en')} a call`,
  ...RATE,
  async measure({ peer, place }) {
    const submitter = await peer.submit(place);
    const startedAt = performance.now();
    for (let at = 0; at < JOBS; at += A_CALL) await submitter.enqueueMany(numbersFrom(at, A_CALL));
    const seconds = (performance.now() - startedAt) / 1_000;
    await submitter.stop();
    await peer.assertWaiting(place, JOBS);
    return { rate: JOBS / seconds };
  },
};
