import { durationText } from './duration-text.js';

/** Less than this is now. */
const NOW_MS = 2_000;

/** How a time lies to now: `12 s ago`, `in 3 min`, `now`. */
export function relativeText(atMs: number, nowMs: number): string {
  const distance = atMs - nowMs;
  if (Math.abs(distance) < NOW_MS) return 'now';
  return distance > 0 ? `in ${durationText(distance)}` : `${durationText(-distance)} ago`;
}
