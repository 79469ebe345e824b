import { OnceEach } from '../../once-each.js';
import { recorded } from '../peer.js';
import { submitWhileOneWorks } from '../running.js';
import { RATE, numbersFrom, type Comparison } from './comparison.js';

const JOBS = 100_000;
const A_CALL = 1_000;

/** Jobs submitted in thousands while one worker drains: from the first call until every outcome is recorded. */
export const enqueueWhileDrain: Comparison = {
  name: `${JOBS.toLocaleString('en')} submitted in thousands while one worker drains`,
  ...RATE,
  async measure(round) {
    const question = await round.peer.openQuestion(round.place);
    try {
      const starts = new OnceEach(JOBS);
      const submitter = await submitWhileOneWorks(round, starts);
      const startedAt = performance.now();
      for (let at = 0; at < JOBS; at += A_CALL) await submitter.enqueueMany(numbersFrom(at, A_CALL));
      await starts.all;
      await recorded(question);
      const seconds = (performance.now() - startedAt) / 1_000;
      await round.peer.assertDone(round.place, JOBS);
      await submitter.stop();
      starts.assertNoneAgain();
      return { rate: JOBS / seconds };
    } finally {
      await question.close();
    }
  },
};
