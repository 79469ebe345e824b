import { setTimeout as delay } from 'node:timers/promises';

/** Longest that a count stands still before what is missing is given up for lost. */
const STANDSTILL_MS = 60_000;

/** Resolves when as many are counted as are wanted; asks again after `everyMs`. Rejects when the count has stood still for a minute. */
export async function untilCount(
  what: string,
  wanted: number,
  count: () => Promise<number>,
  everyMs: number,
): Promise<void> {
  let before = -1;
  let changedAt = performance.now();
  for (;;) {
    const now = await count();
    if (now >= wanted) return;
    if (now !== before) [before, changedAt] = [now, performance.now()];
    if (performance.now() - changedAt > STANDSTILL_MS)
      throw new Error(`of ${wanted} ${what} there are ${now}, and have been for ${STANDSTILL_MS / 1_000} s`);
    await delay(everyMs);
  }
}
