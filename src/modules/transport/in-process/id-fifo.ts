/** Consumed slots are given back to the engine once there are this many and they are half of all: amortised O(1) an id. */
const COMPACT_AFTER = 1024;

/**
 * Ids in the order they came, with the time each was offered. Two flat arrays instead of an object an id: an id costs
 * 16 bytes beside its own text, and a push or shift a few nanoseconds.
 */
export class IdFifo {
  private ids: string[] = [];
  private offeredAts: number[] = [];
  private head = 0;

  get length(): number {
    return this.ids.length - this.head;
  }

  /** When the id at the front was offered; undefined when empty. */
  get firstOfferedAt(): number | undefined {
    return this.offeredAts[this.head];
  }

  /** Appends the first `count` of the ids. */
  push(ids: readonly string[], count: number, offeredAt: number): void {
    for (let index = 0; index < count; index++) {
      this.ids.push(ids[index] as string);
      this.offeredAts.push(offeredAt);
    }
  }

  /** Removes at most `max` ids from the front, only such as were offered in one and the same millisecond. */
  shift(max: number): string[] {
    const offeredAt = this.offeredAts[this.head];
    const last = Math.min(this.head + max, this.ids.length);
    let end = Math.min(this.head + 1, last);
    while (end < last && this.offeredAts[end] === offeredAt) end++;
    const ids = this.ids.slice(this.head, end);
    this.head = end;
    this.compact();
    return ids;
  }

  private compact(): void {
    if (this.head === this.ids.length) {
      this.ids = [];
      this.offeredAts = [];
      this.head = 0;
    } else if (this.head >= COMPACT_AFTER && this.head * 2 >= this.ids.length) {
      this.ids = this.ids.slice(this.head);
      this.offeredAts = this.offeredAts.slice(this.head);
      this.head = 0;
    }
  }
}
