import { durationText } from './duration-text.js';

/** When a schedule fires, as it was written: `0 2 * * * (Europe/Berlin)`, `every 15 min`. */
export function whenText({
  cron,
  everyMs,
  timeZone,
}: {
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
}): string {
  if (cron !== null) return `${cron} (${timeZone})`;
  return everyMs === null ? '–' : `every ${durationText(everyMs)}`;
}
