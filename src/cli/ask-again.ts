import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMs } from '../kernel/clock.js';
import { isRecord } from '../kernel/json.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';

/** How long a server that has gone is waited for: a restart takes seconds, also of a machine's only process. */
const AWAY_FOR_MS = 60_000;

const ASK_EVERY_MS = 500;

/** How a server that has gone is waited for. */
export interface Patience {
  /** What to do when it does not come back; told with the error. */
  readonly remedy: string;
  /** No longer than until then, monotonic, in ms. */
  readonly untilMs: number;
  /** Hears of each question in vain. */
  readonly onAway: () => void;
}

/**
 * Asks about something that is stored, again and again while nothing answers or the server cannot serve. Throws the last error,
 * with the remedy for a further line, when that lasts a minute or until the patience is over; any other error at once.
 */
export async function askAgain<Answer>(
  ask: () => Promise<Answer>,
  { remedy, untilMs, onAway }: Patience,
): Promise<Answer> {
  const giveUpAt = Math.min(untilMs, monotonicMs() + AWAY_FOR_MS);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== exitCodes.unreachable) throw error;
      if (monotonicMs() + ASK_EVERY_MS >= giveUpAt) throw withRemedy(error, remedy);
      onAway();
      await pause(ASK_EVERY_MS);
    }
  }
}

function withRemedy({ exitCode, message, lines, json }: CliError, remedy: string): CliError {
  const told = isRecord(json) ? json : { detail: message };
  return new CliError(exitCode, message, [...lines, remedy], { ...told, remedy });
}
