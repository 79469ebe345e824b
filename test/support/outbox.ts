import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { JobView } from '../../src/modules/job/index.js';
import type { OutboxLine } from '../fixtures/workload/outbox.js';

/** What the handlers say they did, whatever became of their processes; a line that was cut by a crash is left out. */
export async function readOutbox(file: string): Promise<OutboxLine[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as OutboxLine);
}

/** The runs a handler says it began, as `id/run`. */
export function begun(outbox: readonly OutboxLine[]): string[] {
  return outbox.filter(({ event }) => event === 'begin').map(({ id, run }) => `${id}/${run}`);
}

/**
 * Asserts that the job's record is whole: every run has exactly one outcome, in order, the last of them that of the job; and no
 * handler ran that the record does not know.
 */
export function expectWholeRecord(job: JobView, outbox: readonly OutboxLine[]): void {
  const runs = job.history.map(({ run }) => run);
  // The succeeding run is not in the history.
  const all = job.status === 'done' ? [...runs, job.run] : runs;
  expect(all, `runs of ${job.id} ${JSON.stringify(job)}`).toEqual(
    Array.from({ length: job.run }, (_, index) => index + 1),
  );
  const told = outbox.filter(({ id }) => id === job.id);
  expect(Math.max(0, ...told.map(({ run }) => run))).toBeLessThanOrEqual(job.run);
  const ends = told.filter(({ event }) => event === 'end').map(({ run }) => run);
  if (job.status === 'done') expect(ends, `ends of ${job.id}`).toContain(job.run);
}
