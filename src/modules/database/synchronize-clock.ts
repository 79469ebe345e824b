import { type DatabaseClock, monotonicMs, systemClock } from '../../kernel/clock.js';
import type { ControlQueries } from './control-pool.js';

/** Readings taken; the one with the shortest round trip is the truest, because its error is at most half of it. */
const READINGS = 3;

/** Sets the clock by the database's. Rejects, and leaves the clock as it was, when the database does not answer. */
export async function synchronizeClock(clock: DatabaseClock, control: ControlQueries): Promise<void> {
  let best: { tripMs: number; askedAt: number; answeredAt: number; databaseNow: number } | undefined;
  for (let reading = 0; reading < READINGS; reading++) {
    const startedMs = monotonicMs();
    const askedAt = systemClock.now();
    const [row] = await control.query<{ now: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
    );
    const answeredAt = systemClock.now();
    const tripMs = monotonicMs() - startedMs;
    if (row && (!best || tripMs < best.tripMs)) best = { tripMs, askedAt, answeredAt, databaseNow: row.now };
  }
  if (best) clock.synchronize(best.databaseNow, best.askedAt, best.answeredAt);
}
