import { now } from '../text/now.js';

/** What the server's `Date` leaves open: it tells whole seconds. */
const UNTOLD_MS = 999;

let aheadMs = 0;

/** Takes note of the server's time as an answer tells it. */
export function hearClock({ headers }: Response): void {
  const told = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(told)) return;
  const local = now();
  aheadMs = Math.min(Math.max(local, told), told + UNTOLD_MS) - local;
}

/** The server's time as of its last answer, a second exact however wrong this machine's clock is, in ms since the epoch. */
export function serverNow(): number {
  return now() + aheadMs;
}
