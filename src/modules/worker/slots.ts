/** How many jobs of one queue and kind may run at once in this process, and how many do. */
export class Slots {
  private used = 0;
  private waiters: (() => void)[] = [];

  private most: number;

  /** @param capacity ≥ 1 */
  constructor(capacity: number) {
    this.most = capacity;
  }

  get capacity(): number {
    return this.most;
  }

  /** Changes how many there are; slots beyond a smaller number are taken until their jobs have ended. */
  resize(capacity: number): void {
    if (capacity === this.most) return;
    this.most = capacity;
    this.wake();
  }

  get busy(): number {
    return this.used;
  }

  get free(): number {
    return Math.max(0, this.most - this.used);
  }

  /** Takes up to `wanted` slots and answers how many. */
  take(wanted: number): number {
    const taken = Math.max(0, Math.min(wanted, this.free));
    this.used += taken;
    return taken;
  }

  /** Gives slots back. */
  release(count = 1): void {
    this.used -= count;
    if (count > 0) this.wake();
  }

  /** Resolves when a slot may be free, or when `wake` is called; look again after. */
  change(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Ends every wait; for a stop. */
  wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}
