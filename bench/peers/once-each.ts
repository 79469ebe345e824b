import type { Started, WorkerListener } from './worker-process.js';

/** Checks that each of `count` jobs starts once; `all` resolves when all have, and rejects at the first that starts twice or with its worker. */
export class OnceEach implements WorkerListener {
  readonly all: Promise<void>;
  private readonly seen: Uint8Array;
  private left: number;
  private resolve: () => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;

  constructor(count: number) {
    this.seen = new Uint8Array(count);
    this.left = count;
    this.all = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Takes what a worker process told. */
  told(numbers: Started): void {
    for (const n of numbers) this.mark(n);
  }

  failed(error: Error): void {
    this.reject(error);
  }

  /** Takes one start in this process. */
  started(n: number): void {
    this.mark(n);
  }

  private mark(n: number): void {
    if (this.seen[n] !== 0) return this.reject(new Error(`job ${n} ran twice, or is none of ours`));
    this.seen[n] = 1;
    if (--this.left === 0) this.resolve();
  }
}
