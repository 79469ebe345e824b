import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../../kernel/clock.js';
import { bootError, isWorthWaiting } from './boot-failure.js';
import { reasonOf } from './sql-errors.js';

export interface BootWaitOptions {
  /** How the server is called in lines and errors. */
  readonly server: string;
  /** How long it is waited for since it was last heard of, in ms. */
  readonly giveUpAfterMs: number;
  /** Takes one line a failed attempt. */
  readonly warn: (line: string) => void;
  /** Ends the wait early, with the abort's reason. */
  readonly signal: AbortSignal;
}

/** Pauses between attempts: soon enough for a server that starts beside us, and some ten lines in half a minute. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/**
 * Answers what `attempt` answers, trying again while the server is away. `attempt` calls `heard` once the server has answered; the bound
 * counts from there, so that a long migration that is interrupted is tried again too.
 * @throws RookeryError database_unavailable at once for what waiting cannot heal, else when the time is up
 */
export async function waitForDatabase<Result>(
  attempt: (heard: () => void) => Promise<Result>,
  { server, giveUpAfterMs, warn, signal }: BootWaitOptions,
): Promise<Result> {
  let heardAt = monotonicMs();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return await attempt(() => (heardAt = monotonicMs()));
    } catch (error) {
      signal.throwIfAborted();
      const leftMs = heardAt + giveUpAfterMs - monotonicMs();
      if (!isWorthWaiting(error) || leftMs <= 0) throw bootError(server, error);
      warn(
        `PostgreSQL at ${server} is not ready: ${reasonOf(error)}; trying again, for ${Math.ceil(leftMs / 1000)} s at most`,
      );
      await pause(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
