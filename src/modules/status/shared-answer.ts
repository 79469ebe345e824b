import { monotonicMs } from '../../kernel/clock.js';

/**
 * One answer for all who ask within a short time: however many pages are open, it is made at most once in `maxAgeMs`, and those who ask
 * while it is made wait for the same one. A failure is told to those who waited and is not kept.
 */
export class SharedAnswer<Answer> {
  private latest: { readonly promise: Promise<Answer>; readonly atMs: number } | undefined;

  constructor(
    private readonly maxAgeMs: number,
    private readonly make: () => Promise<Answer>,
  ) {}

  get(): Promise<Answer> {
    const { latest } = this;
    if (latest && monotonicMs() - latest.atMs < this.maxAgeMs) return latest.promise;
    const made = { promise: this.make(), atMs: monotonicMs() };
    this.latest = made;
    made.promise.catch(() => {
      if (this.latest === made) this.latest = undefined;
    });
    return made.promise;
  }
}
