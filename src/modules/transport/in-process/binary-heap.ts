/** Keeps items so that the one with the smallest rank comes out first, in O(log n). An item's rank must not change its order while it is in. */
export class BinaryHeap<Item> {
  private readonly heap: Item[] = [];

  constructor(private readonly rank: (item: Item) => number) {}

  get size(): number {
    return this.heap.length;
  }

  /** The item with the smallest rank; it stays in. */
  peek(): Item | undefined {
    return this.heap[0];
  }

  push(item: Item): void {
    let at = this.heap.length;
    const rank = this.rank(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.heap[above];
      if (parent === undefined || this.rank(parent) <= rank) break;
      this.heap[at] = parent;
      at = above;
    }
    this.heap[at] = item;
  }

  /** Removes and returns the item with the smallest rank. */
  pop(): Item | undefined {
    const first = this.heap[0];
    const last = this.heap.pop();
    if (last !== undefined && this.heap.length > 0) this.sink(last);
    return first;
  }

  /** Every item, in no particular order. */
  values(): IterableIterator<Item> {
    return this.heap.values();
  }

  /** Places the item at the root and lets it down to where it belongs. */
  private sink(item: Item): void {
    const rank = this.rank(item);
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = this.heap[below];
      const right = this.heap[below + 1];
      if (child !== undefined && right !== undefined && this.rank(right) < this.rank(child)) {
        child = right;
        below++;
      }
      if (child === undefined || this.rank(child) >= rank) break;
      this.heap[at] = child;
      at = below;
    }
    this.heap[at] = item;
  }
}
