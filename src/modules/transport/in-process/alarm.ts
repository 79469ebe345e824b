import { monotonicMs } from '../../../kernel/clock.js';

/** The longest wait a Node timer can hold; a later moment is reached in several. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** One timer for the earliest of many moments on the monotonic clock. It never keeps the process alive. */
export class Alarm {
  private timer: NodeJS.Timeout | undefined;
  private at = Infinity;

  /** @param ring does what is due at `nowMs` and answers the next moment to ring at, `Infinity` for none */
  constructor(private readonly ring: (nowMs: number) => number) {}

  /** Rings at that moment or earlier. Nearly free when it is set for an earlier one already. */
  setFor(atMs: number): void {
    if (atMs >= this.at) return;
    clearTimeout(this.timer);
    this.at = atMs;
    const waitMs = Math.min(Math.max(1, Math.ceil(atMs - monotonicMs())), LONGEST_TIMER_MS);
    this.timer = setTimeout(() => this.fire(), waitMs).unref();
  }

  clear(): void {
    clearTimeout(this.timer);
    this.at = Infinity;
  }

  private fire(): void {
    this.at = Infinity;
    this.setFor(this.ring(monotonicMs()));
  }
}
