import { type Clock, monotonicMs, systemClock } from '../../kernel/clock.js';
import { reasonOf } from './sql-errors.js';

/** What is known of the way to PostgreSQL. */
export interface DatabaseState {
  readonly status: 'up' | 'away';
  /** When it became so, in ms since the epoch on this machine's clock. */
  readonly since: number;
  /** How long it has been so without a break, in ms on a clock that never steps. */
  readonly forMs: number;
  /** Why it is away, in one line. */
  readonly reason?: string;
}

/** Where the lines go that tell of losses and returns. */
export interface ContactLog {
  log(message: string): void;
  warn(message: string): void;
}

/** Pauses between two probes while away: at once noticed when the server is back, and no flood of connections meanwhile. */
const FIRST_PROBE_MS = 100;
const LONGEST_PROBE_MS = 2_000;

/**
 * Knows whether PostgreSQL can be reached, from what every connection reports, and while it cannot, asks by itself until it can; so the
 * state is true also when nobody sends a statement. One line is logged a change.
 */
export class DatabaseContact {
  private isUp = false;
  private isClosed = false;
  private sinceAt: number;
  private sinceMs = monotonicMs();
  private reason = 'not connected yet';
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param server how the server is called in the log
   * @param ways `probe`: a cheap statement, rejects while the server is away; `onReturn`: called each time it is back
   */
  constructor(
    private readonly server: string,
    private readonly ways: { readonly probe: () => Promise<unknown>; readonly onReturn: () => void },
    private readonly log: ContactLog,
    private readonly clock: Clock = systemClock,
  ) {
    this.sinceAt = clock.now();
  }

  get state(): DatabaseState {
    const { sinceAt: since, sinceMs } = this;
    const forMs = monotonicMs() - sinceMs;
    return this.isUp ? { status: 'up', since, forMs } : { status: 'away', since, forMs, reason: this.reason };
  }

  /** A statement was answered. Costs nothing while the database is up. */
  made(): void {
    if (this.isUp || this.isClosed) return;
    const awayMs = monotonicMs() - this.sinceMs;
    const isReturn = this.timer !== undefined;
    this.change(true);
    if (!isReturn) return;
    this.log.log(`PostgreSQL at ${this.server} is back after ${(awayMs / 1000).toFixed(1)} s`);
    this.ways.onReturn();
  }

  /** A connection broke or could not be made. */
  lost(error: unknown): void {
    if (this.isClosed) return;
    this.reason = reasonOf(error);
    if (!this.isUp) return;
    this.change(false);
    this.log.warn(`PostgreSQL at ${this.server} is away: ${this.reason}; trying again until it is back`);
    this.probeAfter(FIRST_PROBE_MS);
  }

  /** Nothing is reported or probed after this. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private change(isUp: boolean): void {
    this.isUp = isUp;
    this.sinceAt = this.clock.now();
    this.sinceMs = monotonicMs();
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private probeAfter(pauseMs: number): void {
    this.timer = setTimeout(() => {
      this.ways.probe().then(
        () => this.made(),
        () => {
          if (!this.isUp && !this.isClosed) this.probeAfter(Math.min(pauseMs * 2, LONGEST_PROBE_MS));
        },
      );
    }, pauseMs);
  }
}
