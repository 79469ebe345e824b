import { RATE, type Comparison } from './comparison.js';

const CALLERS = 50;

/** A time and not a number of jobs: the platforms differ by a factor of twenty. */
const MS = 5_000;

/** Callers that each await the accept of one job before the next, with nobody to run them. */
export const oneByOne: Comparison = {
  name: `enqueue one by one from ${CALLERS} callers, for ${MS / 1_000} s`,
  ...RATE,
  async measure({ peer, place }) {
    const submitter = await peer.submit(place);
    const startedAt = performance.now();
    let next = 0;
    const caller = async (): Promise<void> => {
      while (performance.now() - startedAt < MS) await submitter.enqueue(next++);
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    const seconds = (performance.now() - startedAt) / 1_000;
    await submitter.stop();
    await peer.assertWaiting(place, next);
    return { rate: next / seconds };
  },
};
