import { durationFromText, parseDuration, type Duration } from '../kernel/durations.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';

/** A number that could be a duration, were it not for the unit it lacks. */
const BARE_NUMBER = /^\d+(\.\d+)?$/;

/** A duration that is kept for all to go by, and so has to say its unit. Throws a usage error for a bare number. */
export function durationWithUnit(flag: string, text: string): Duration {
  if (!BARE_NUMBER.test(text)) return text;
  throw new CliError(exitCodes.usage, `${flag}: ${text} could be ${text}ms or ${text}s; write the unit too`);
}

/** A duration that this process waits by, in ms. Throws a usage error for what is none. */
export function waitMs(flag: string, text: string): number {
  const ms = parseDuration(durationFromText(text));
  if (ms !== undefined) return ms;
  throw new CliError(
    exitCodes.usage,
    `${flag}: ${JSON.stringify(text)} is no duration; write 500ms, 30s or 5m`,
  );
}

/** How long `--wait` is to wait, in ms: undefined for not at all, endless without a duration. Throws a usage error for what is none. */
export function withinMsOf(wait: string | undefined): number | undefined {
  if (wait === undefined) return undefined;
  return wait === '' ? Infinity : waitMs('--wait', wait);
}

/** A number for the server to judge. Throws a usage error for what is none. */
export function numberFlag(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new CliError(exitCodes.usage, `${flag}: ${JSON.stringify(text)} is no number`);
}

/**
 * The command line with `--wait 30s` written as `--wait=30s`, and a bare `--wait` as `--wait=`: the duration is optional, and
 * what stands behind a bare one is the payload or an id. A number behind it is its duration, as it is behind every flag that takes one.
 */
export function withJoinedWait(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [index, arg] of argv.entries()) {
    const next = argv[index + 1];
    if (arg === '--wait') joined.push(isDuration(next) ? `--wait=${next}` : '--wait=');
    else if (argv[index - 1] !== '--wait' || !isDuration(arg)) joined.push(arg);
  }
  return joined;
}

function isDuration(text: string | undefined): text is string {
  return text !== undefined && (BARE_NUMBER.test(text) || parseDuration(text) !== undefined);
}
