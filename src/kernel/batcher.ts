import { monotonicMs } from './clock.js';

/**
 * Group commit. While one statement is in flight, whatever arrives meanwhile waits and rides the next one together; when
 * nothing is in flight an item leaves at the end of the current turn of the event loop, so an idle system adds no delay.
 * The busier it is, the bigger the batches and the cheaper each item: no timer and no tuning.
 *
 * A bad item fails alone: an error that one item can cause (`isItemFault`) halves the batch until that item stands by
 * itself. An error of the connection (`isTransient`) repeats the same items, because the answer may have been lost after
 * the commit; `run` is told so and must recognise its own earlier effect.
 */
export interface BatcherOptions<Item, Result> {
  /** Names the batcher in errors and metrics. */
  readonly name: string;
  /** Most items one run takes, ≥ 1. */
  readonly maxItems: number;
  /** The cost of one item towards `maxWeight`, for instance its bytes; 0 for all when absent. */
  readonly weigh?: (item: Item) => number;
  /** Heaviest run; an item heavier than this runs alone. Unlimited when absent. */
  readonly maxWeight?: number;
  /** Does the work for all items and answers one result an item, in their order. `repeated`: an earlier try may have taken effect. */
  readonly run: (items: readonly Item[], repeated: boolean) => Promise<readonly Result[]>;
  /** True for an error that a single item may have caused. */
  readonly isItemFault: (error: unknown) => boolean;
  /** True for an error after which the same items are worth repeating. */
  readonly isTransient: (error: unknown) => boolean;
  /** How long one run is repeated before its items fail with the last error, in ms; `Infinity` for as long as the batcher lives. */
  readonly repeatForMs: number;
  /** Told of each run once it has ended: what it took, and how long it took, repeats included, in ms. */
  readonly onRun?: (items: readonly Item[], ms: number) => void;
}

/** What a batcher has done since it was made. */
export interface BatcherStats {
  readonly runs: number;
  readonly items: number;
  readonly pending: number;
}

interface Entry<Item, Result> {
  readonly item: Item;
  readonly weight: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** What came of a run. */
type Outcome<Result> = { readonly results: readonly Result[] } | { readonly error: unknown };

/** First pause before a repeat, doubled up to the longest: a restarting PostgreSQL is back within seconds. */
const FIRST_REPEAT_MS = 50;
const LONGEST_REPEAT_MS = 2_000;

/** Why a batcher takes no more items. */
export class BatcherClosedError extends Error {
  override readonly name = 'BatcherClosedError';

  constructor(batcher: string) {
    super(`the ${batcher} batcher is closed`);
  }
}

/** Runs items in groups, one group at a time, in the order they came. */
export class Batcher<Item, Result> {
  private waiting: Entry<Item, Result>[] = [];
  private isRunning = false;
  private isClosed = false;
  private runs = 0;
  private items = 0;
  private idleWaiters: (() => void)[] = [];
  private wakeRepeat: (() => void) | undefined;

  constructor(private readonly options: BatcherOptions<Item, Result>) {}

  /** Resolves with the item's result once its group is through; rejects with the error that item alone caused. */
  submit(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.isClosed) {
        reject(new BatcherClosedError(this.options.name));
        return;
      }
      const weight = this.options.weigh?.(item) ?? 0;
      this.waiting.push({ item, weight, resolve, reject });
      this.schedule();
    });
  }

  /** Items submitted that no run has taken yet. */
  get pending(): number {
    return this.waiting.length;
  }

  get stats(): BatcherStats {
    return { runs: this.runs, items: this.items, pending: this.waiting.length };
  }

  /** Resolves when nothing is waiting or in flight. */
  idle(): Promise<void> {
    if (!this.isRunning && this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Takes no more items; those waiting still run, and a run that is being repeated fails with its last error. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.wakeRepeat?.();
    await this.idle();
  }

  private schedule(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    setImmediate(() => void this.drain());
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.nextGroup();
      this.runs++;
      this.items += group.length;
      const startedAt = monotonicMs();
      await this.runGroup(group, false);
      this.options.onRun?.(
        group.map((entry) => entry.item),
        monotonicMs() - startedAt,
      );
    }
    this.isRunning = false;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  private nextGroup(): Entry<Item, Result>[] {
    const { maxItems, maxWeight = Infinity } = this.options;
    let count = 0;
    let weight = 0;
    for (const entry of this.waiting) {
      weight += entry.weight;
      if (count === maxItems || (weight > maxWeight && count > 0)) break;
      count++;
    }
    if (count < this.waiting.length) return this.waiting.splice(0, count);
    const group = this.waiting;
    this.waiting = [];
    return group;
  }

  /** Settles every entry of the group, whatever happens; never rejects. */
  private async runGroup(group: readonly Entry<Item, Result>[], mayHaveRun: boolean): Promise<void> {
    const outcome = await this.runRepeating(
      group.map((entry) => entry.item),
      mayHaveRun,
    );
    if ('results' in outcome) {
      group.forEach((entry, index) => entry.resolve(outcome.results[index] as Result));
    } else if (group.length > 1 && this.options.isItemFault(outcome.error)) {
      const middle = group.length >> 1;
      // A run may be several statements, and the first of them may have taken effect before the fault.
      await this.runGroup(group.slice(0, middle), true);
      await this.runGroup(group.slice(middle), true);
    } else {
      for (const entry of group) entry.reject(outcome.error);
    }
  }

  /** Tries until the items are through, the error is not transient or the time is up. */
  private async runRepeating(items: readonly Item[], mayHaveRun: boolean): Promise<Outcome<Result>> {
    const startedAt = monotonicMs();
    let repeated = mayHaveRun;
    for (let pauseMs = FIRST_REPEAT_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_REPEAT_MS)) {
      try {
        return { results: this.checked(items, await this.options.run(items, repeated)) };
      } catch (error) {
        const isSpent = monotonicMs() - startedAt + pauseMs > this.options.repeatForMs;
        if (!this.options.isTransient(error) || isSpent || this.isClosed) return { error };
        repeated = true;
        await this.pause(pauseMs);
      }
    }
  }

  private checked(items: readonly Item[], results: readonly Result[]): readonly Result[] {
    if (results.length === items.length) return results;
    throw new Error(
      `the ${this.options.name} batcher got ${results.length} results for ${items.length} items`,
    );
  }

  /** Ends early when the batcher is closed. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.wakeRepeat = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.wakeRepeat = done;
    });
  }
}
