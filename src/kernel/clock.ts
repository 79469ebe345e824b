/** Reads the time; the only way this code base does, so that tests may set it and ids follow the database. */
export interface Clock {
  /** Milliseconds since the epoch, by the clock this instance stands for. May step when that clock is corrected. */
  now(): number;
}

/** This machine's wall clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** Milliseconds that never step back, for measuring how long something took; the origin is arbitrary. */
export function monotonicMs(): number {
  return performance.now();
}

/**
 * The database's clock as this process knows it: the machine's clock plus an offset measured at connect and with each
 * heartbeat. Ids and due times are made on it, so that processes on machines with wrong clocks still agree.
 */
export class DatabaseClock implements Clock {
  private offsetMs = 0;

  constructor(private readonly base: Clock = systemClock) {}

  now(): number {
    return this.base.now() + this.offsetMs;
  }

  /**
   * Takes one reading of the database's clock.
   * @param databaseNowMs what the database said, in ms since the epoch
   * @param askedAtMs this machine's clock when the question was sent
   * @param answeredAtMs this machine's clock when the answer came; half the round trip is allowed for
   */
  synchronize(databaseNowMs: number, askedAtMs: number, answeredAtMs: number): void {
    this.offsetMs = Math.round(databaseNowMs - (askedAtMs + answeredAtMs) / 2);
  }

  /** How far the database's clock is ahead of this machine's, in ms; negative when it is behind. */
  get offset(): number {
    return this.offsetMs;
  }
}

/** Injection token of the database's clock, as a `Clock`. */
export const CLOCK = Symbol('rookery:clock');
