import type { HotConnection } from '../database/index.js';
import type { BirthClaim } from './birth-claim.js';
import type { NewJob } from './new-job.js';

/** Jobs that left for the database together, until each of them has been stored or refused, however many tries that takes. */
export class EnqueueGroup {
  /** Where a try was made of which no answer came: it may have stored some of the jobs. */
  lostOn: HotConnection | undefined;
  /** Resolves when each of the jobs has been told of. */
  readonly told: Promise<void>;
  private left: number;
  private end: () => void = () => undefined;

  /**
   * @param earlier the groups that left before: what is told of this one waits for them
   * @param birth slots for all of the jobs; without it they are going to wait
   */
  constructor(
    jobs: readonly NewJob[],
    readonly earlier: Promise<void>,
    readonly birth: BirthClaim | undefined,
  ) {
    this.left = jobs.length;
    this.told = new Promise((resolve) => (this.end = resolve));
  }

  /** So many of the jobs have been told of; answers whether they were the last. */
  tellOf(count: number): boolean {
    this.left -= count;
    if (this.left === 0) this.end();
    return this.left === 0;
  }
}
