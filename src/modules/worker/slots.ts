/** How many jobs of one queue and kind may run at once in this process, and how many do. */
export class Slots {
  private used = 0;
  private waiters: (() => void)[] = [];

  /** @param capacity ≥ 1 */
  constructor(readonly capacity: number) {}

  get busy(): number {
    return this.used;
  }

  get free(): number {
    return this.capacity - this.used;
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
