import { NoOp, type BenchApplication } from '../application.js';

/** As many callers as enqueue one by one. */
export const CALLERS = 50;

/** Enqueues so many jobs by callers that each await the durable accept of one before the next. */
export async function enqueueOneByOne({ jobs }: BenchApplication, count: number): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) await jobs.enqueue(NoOp, { n: next++ });
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}
