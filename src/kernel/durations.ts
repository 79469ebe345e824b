const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/** A duration as people write it: a number and a unit (`250ms`, `30s`, `5m`, `1.5h`, `14d`), or a number of milliseconds. */
export type Duration = string | number;

/** The duration in whole milliseconds, or undefined when the text is none: no unit, unknown unit, negative or not finite. */
export function parseDuration(duration: Duration): number | undefined {
  const ms = typeof duration === 'number' ? duration : textMs(duration);
  return Number.isFinite(ms) && ms >= 0 ? Math.round(ms) : undefined;
}

/** A duration from a place that has only texts, as a query or a command line: there a bare number is milliseconds. Not judged yet. */
export function durationFromText(text: string): Duration {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function textMs(text: string): number {
  const match = DURATION.exec(text.trim());
  if (!match?.[1] || !match[2]) return NaN;
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}

/** The duration in whole milliseconds; throws a TypeError that names the value and the form wanted. For values in code. */
export function durationMs(duration: Duration): number {
  const ms = parseDuration(duration);
  if (ms === undefined) {
    throw new TypeError(
      `not a duration: ${JSON.stringify(duration)}; write a number and a unit, as "250ms", "30s", "5m", "2h" or "14d"`,
    );
  }
  return ms;
}

/** The duration in its largest whole unit, as `parseDuration` reads it back: 90000 is "90s", 3600000 is "1h". */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms >= UNITS[unit] && ms % UNITS[unit] === 0) return `${ms / UNITS[unit]}${unit}`;
  }
  return `${ms}ms`;
}
