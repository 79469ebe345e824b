import { expect } from 'vitest';
import type { JobView } from '../../src/modules/job/index.js';
import { begun, expectWholeRecord, readOutbox } from './outbox.js';
import { eventually } from './eventually.js';
import { allJobs } from './process-api.js';
import type { OutboxLine } from '../fixtures/workload/outbox.js';
import type { RookeryProcess } from './rookery-process.js';

interface Totals {
  readonly waiting: number;
  readonly executing: number;
  readonly done: number;
}

/** What a started process is asked about a load of `work` jobs, told against what their handlers wrote into an outbox file. */
export class Survival {
  constructor(private readonly outboxFile: string) {}

  /** Jobs of every kind of waiting: at once, after a delay, after failures, and some that take their time. */
  mixture(count: number): object[] {
    const kinds = [
      { payload: { ms: 20 } },
      { payload: { ms: 5 }, lane: 'high' },
      { payload: { ms: 10 }, delay: '2s' },
      { payload: { ms: 10, failures: 2 } },
      { payload: { ms: 1_500 }, lane: 'low' },
      { payload: { ms: 300, failures: 1 } },
    ];
    // More attempts than any test has crashes, which are charged.
    return Array.from({ length: count }, (_, index) => ({
      name: 'work',
      maxAttempts: 20,
      ...kinds[index % kinds.length],
    }));
  }

  /** What the handlers told of these jobs. */
  async outboxOf(ids: readonly string[]): Promise<OutboxLine[]> {
    const wanted = new Set(ids);
    return (await readOutbox(this.outboxFile)).filter(({ id }) => wanted.has(id));
  }

  /** Resolves when handlers have begun so many runs of these jobs. */
  async untilBegun(ids: readonly string[], count: number): Promise<void> {
    await eventually(async () => begun(await this.outboxOf(ids)).length >= count, { withinMs: 60_000 });
  }

  async doneSoFar(started: RookeryProcess): Promise<number> {
    return (await totals(started)).done;
  }

  /**
   * Waits until nothing is open and asserts that each of these jobs is done, that its record is whole, and that no outcome was recorded
   * twice: the counters are appended by the statements that record outcomes.
   */
  async expectEachOutcomeOnce(
    started: RookeryProcess,
    ids: readonly string[],
    doneBefore: number,
  ): Promise<JobView[]> {
    await untilNothingIsOpen(started);
    const wanted = new Set(ids);
    const jobs = (await allJobs(started)).filter(({ id }) => wanted.has(id));
    expect(jobs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    const outbox = await this.outboxOf(ids);
    for (const job of jobs) {
      expect(job.status, JSON.stringify(job)).toBe('done');
      expectWholeRecord(job, outbox);
    }
    expect((await this.doneSoFar(started)) - doneBefore).toBe(ids.length);
    return jobs;
  }
}

async function untilNothingIsOpen(started: RookeryProcess): Promise<void> {
  await eventually(
    async () => {
      const now = await totals(started);
      if (now.waiting + now.executing > 0)
        throw new Error(`still open: ${JSON.stringify(now)}\n${started.output}`);
      return true;
    },
    { withinMs: 120_000, everyMs: 200 },
  );
}

async function totals(started: RookeryProcess): Promise<Totals> {
  const { status, body } = await started.get<Totals>('/status');
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}
