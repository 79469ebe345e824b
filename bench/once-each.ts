/** Longest that no job starts before the rest is given up for lost. */
const STANDSTILL_MS = 60_000;

/** Checks that each of `count` jobs starts once. */
export class OnceEach {
  /**
   * Resolves when all have started. Rejects at the first that starts twice or is none of them, when a worker fails, and when none has started for
   * a minute.
   */
  readonly all: Promise<void>;
  private readonly seen: Uint8Array;
  private left: number;
  private readonly repeated: number[] = [];
  private resolve: () => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;

  constructor(count: number) {
    this.seen = new Uint8Array(count);
    this.left = count;
    this.all = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // It may reject before anybody waits for it.
    this.all.catch(() => undefined);
    this.watch();
  }

  /** Takes the start of one job. */
  started(n: number): void {
    if (this.seen[n] !== 0) {
      this.repeated.push(n);
      this.reject(new Error(`job ${n} ran twice, or is none of ours`));
      return;
    }
    this.seen[n] = 1;
    if (--this.left === 0) this.resolve();
  }

  /** Whoever runs them has ended. */
  failed(error: Error): void {
    this.reject(error);
  }

  /** For when the workers have stopped: throws if a job has started again, be it after all had started. */
  assertNoneAgain(): void {
    if (this.repeated.length > 0)
      throw new Error(`${this.repeated.length} jobs ran twice, such as job ${this.repeated[0]}`);
  }

  private watch(): void {
    let before = this.left;
    const timer = setInterval(() => {
      if (this.left === before) this.reject(new Error(`${this.left} jobs have not started`));
      before = this.left;
    }, STANDSTILL_MS).unref();
    const end = (): void => clearInterval(timer);
    this.all.then(end, end);
  }
}
