import { monotonicMs } from '../../kernel/clock.js';
import { reasonOf } from '../database/index.js';
import type { Duty, DutyLog, Step } from './duty.js';
import { pause } from './pause.js';

/** Pauses after rounds that failed: quick to get over a blip, slow enough for an outage. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;

/** A duty that keeps failing is logged at its first failure and then this often. */
const LOG_EVERY_MS = 60_000;

/**
 * Does a duty's rounds until the signal aborts; a round that fails is logged and tried again, later and later. Resolves after the round
 * under way has ended; never rejects.
 */
export async function runDuty(duty: Duty, step: Step, signal: AbortSignal, log: DutyLog): Promise<void> {
  let retryMs = 0;
  let logAt = -Infinity;
  duty.begin();
  while (!signal.aborted) {
    let pauseMs = duty.everyMs;
    try {
      if (await duty.runOnce(step)) pauseMs = 0;
      if (retryMs > 0 && logAt > -Infinity) log.log(`the ${duty.name} works again`);
      retryMs = 0;
      logAt = -Infinity;
    } catch (error) {
      if (signal.aborted) return;
      retryMs = Math.min(Math.max(retryMs * 2, FIRST_RETRY_MS), LONGEST_RETRY_MS);
      pauseMs = retryMs;
      if (monotonicMs() >= logAt) {
        log.warn(`the ${duty.name} failed and tries again: ${reasonOf(error)}`);
        logAt = monotonicMs() + LOG_EVERY_MS;
      }
    }
    await pause(pauseMs, signal);
  }
}
