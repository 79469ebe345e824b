/** Longest that a step of this machine's clock, or of the database's, goes unnoticed: what is due by either is seconds off for no longer. */
const SYNCHRONIZE_EVERY_MS = 5_000;

/**
 * Keeps a clock right for as long as the process lives, in every entry: sets it every few seconds, and at once when the database is back.
 * A reading that fails changes nothing; the next one makes it good.
 */
export class ClockKeeper {
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  /** @param synchronize takes a reading; rejects while the database is away */
  constructor(private readonly synchronize: () => Promise<void>) {}

  /** Begins; idempotent. */
  start(): void {
    this.timer ??= this.after(SYNCHRONIZE_EVERY_MS);
  }

  /** Takes a reading now, and the next one after the pause; nothing before `start`. */
  now(): void {
    if (this.timer === undefined || this.isClosed) return;
    clearTimeout(this.timer);
    this.take();
  }

  /** No reading is begun after this. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private after(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.take(), ms);
  }

  private take(): void {
    const next = (): void => {
      if (this.isClosed) return;
      clearTimeout(this.timer);
      this.timer = this.after(SYNCHRONIZE_EVERY_MS);
    };
    this.synchronize().then(next, next);
  }
}
