import { AsyncLocalStorage } from 'node:async_hooks';
import { monotonicMs } from './clock.js';
import { toError } from './errors.js';
import { Waits } from './waits.js';

/**
 * Group commit. While a statement is in flight, whatever arrives meanwhile waits and rides the next one together; when
 * nothing is in flight an item leaves at the end of the current turn of the event loop, so an idle system adds no delay.
 * The busier it is, the bigger the batches and the cheaper each item: no timer and no tuning.
 *
 * With two tracks one statement can be prepared while the server works on another. Callers who each wait for their answer would all ride
 * the same one and leave the other track empty for ever; so a crowd that finds several tracks free is divided among them.
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
  /** How many runs may be in flight at once, ≥ 1; 1 when absent. */
  readonly tracks?: number;
  /**
   * Does the work for all items and answers one result an item, in their order. `repeated`: an earlier try may have taken effect.
   * `track`, from 0: no other run in flight has it.
   */
  readonly run: (items: readonly Item[], repeated: boolean, track: number) => Promise<readonly Result[]>;
  /** True for an error that a single item may have caused. */
  readonly isItemFault: (error: unknown) => boolean;
  /** True for an error after which the same items are worth repeating. */
  readonly isTransient: (error: unknown) => boolean;
  /** How long one run is repeated before its items fail with the last error, in ms; `Infinity` for as long as the batcher lives. */
  readonly repeatForMs: number;
  /**
   * True for a transient error that no other items would have escaped either. A run that ends with it fails all that have waited since before it
   * began, so that nobody waits for longer than twice `repeatForMs`, however many wait. Each gets a run of its own when absent.
   */
  readonly isOutage?: (error: unknown) => boolean;
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

/** Fewer items than this for each track are not worth a statement more. */
const FEWEST_DIVIDED = 16;

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

/** Runs items in groups, one group a track at a time, in the order they came. */
export class Batcher<Item, Result> {
  private waiting: Entry<Item, Result>[] = [];
  private waitingWeight = 0;
  /** The tracks on which nothing is in flight; the one to be used next is the last. */
  private readonly free: number[];
  private isScheduled = false;
  private isClosed = false;
  private runs = 0;
  private items = 0;
  private idleWaiters: (() => void)[] = [];
  /** Between a run and its repeat. */
  private readonly waits = new Waits();
  /** A group is nobody's own: it runs in the context the batcher was made in, and not in that of whoever came first. */
  private readonly inOwnContext = AsyncLocalStorage.snapshot();

  constructor(private readonly options: BatcherOptions<Item, Result>) {
    this.free = Array.from({ length: options.tracks ?? 1 }, (_, track) => track).reverse();
  }

  /** Resolves with the item's result once its group is through; rejects with the error that item alone caused. */
  submit(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => this.enter(item, resolve, reject));
  }

  /** As `submit`, for whoever has many items under way and spares each a promise: calls back one of the two, later. What that throws is an unhandled rejection. */
  enter(item: Item, resolve: (result: Result) => void, reject: (error: unknown) => void): void {
    if (this.isClosed) {
      queueMicrotask(() => reject(new BatcherClosedError(this.options.name)));
      return;
    }
    const weight = this.options.weigh?.(item) ?? 0;
    this.waitingWeight += weight;
    this.waiting.push({ item, weight, resolve, reject });
    this.schedule();
  }

  /** Items submitted that no run has taken yet. */
  get pending(): number {
    return this.waiting.length;
  }

  /** What they weigh together. */
  get pendingWeight(): number {
    return this.waitingWeight;
  }

  get stats(): BatcherStats {
    return { runs: this.runs, items: this.items, pending: this.waiting.length };
  }

  /** Resolves when nothing is waiting or in flight. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Takes no more items; those waiting still run, and a run that is being repeated fails with its last error. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.waits.stop();
    await this.idle();
  }

  private get isIdle(): boolean {
    return this.waiting.length === 0 && this.free.length === (this.options.tracks ?? 1);
  }

  private schedule(): void {
    if (this.isScheduled || this.free.length === 0) return;
    this.isScheduled = true;
    setImmediate(() => this.inOwnContext(() => this.dispatch()));
  }

  private dispatch(): void {
    this.isScheduled = false;
    const isCrowd = this.waiting.length >= FEWEST_DIVIDED * this.free.length;
    const share = isCrowd ? Math.ceil(this.waiting.length / this.free.length) : Infinity;
    while (this.waiting.length > 0) {
      const track = this.free.pop();
      if (track === undefined) return;
      void this.drain(track, this.nextGroup(share));
    }
  }

  /** Runs this group, and whatever waits by then; never rejects. */
  private async drain(track: number, first: Entry<Item, Result>[]): Promise<void> {
    for (let group = first; group.length > 0; group = this.nextGroup()) {
      this.runs++;
      this.items += group.length;
      const cameBefore = this.items + this.waiting.length;
      const startedAt = monotonicMs();
      const outcome = await this.runGroup(group, false, track);
      this.options.onRun?.(
        group.map((entry) => entry.item),
        monotonicMs() - startedAt,
      );
      if ('error' in outcome && !this.isClosed && this.options.isOutage?.(outcome.error) === true)
        this.failWaiting(cameBefore - this.items, outcome.error);
    }
    this.free.push(track);
    if (!this.isIdle) return;
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Fails the first so many of those that wait, if there are so many. */
  private failWaiting(count: number, error: unknown): void {
    const failed = this.take(Math.max(0, count));
    this.items += failed.length;
    for (const entry of failed) callBack(() => entry.reject(error));
  }

  /** Takes the next group from what waits: empty when nothing does. */
  private nextGroup(share = Infinity): Entry<Item, Result>[] {
    const { maxWeight = Infinity } = this.options;
    const maxItems = Math.min(this.options.maxItems, share);
    let count = 0;
    let weight = 0;
    for (const entry of this.waiting) {
      weight += entry.weight;
      if (count === maxItems || (weight > maxWeight && count > 0)) break;
      count++;
    }
    return this.take(count);
  }

  private take(count: number): Entry<Item, Result>[] {
    let taken: Entry<Item, Result>[];
    if (count < this.waiting.length) taken = this.waiting.splice(0, count);
    else [taken, this.waiting] = [this.waiting, []];
    for (const { weight } of taken) this.waitingWeight -= weight;
    return taken;
  }

  /** Settles every entry of the group, whatever happens, and answers what came of the last run; never rejects. */
  private async runGroup(
    group: readonly Entry<Item, Result>[],
    mayHaveRun: boolean,
    track: number,
  ): Promise<Outcome<Result>> {
    const outcome = await this.runRepeating(
      group.map((entry) => entry.item),
      mayHaveRun,
      track,
    );
    if ('results' in outcome) {
      for (const [index, entry] of group.entries())
        callBack(() => entry.resolve(outcome.results[index] as Result));
    } else if (group.length > 1 && this.options.isItemFault(outcome.error)) {
      const middle = group.length >> 1;
      // A run may be several statements, and the first of them may have taken effect before the fault.
      await this.runGroup(group.slice(0, middle), true, track);
      return this.runGroup(group.slice(middle), true, track);
    } else {
      for (const entry of group) callBack(() => entry.reject(outcome.error));
    }
    return outcome;
  }

  /** Tries until the items are through, the error is not transient or the time is up. */
  private async runRepeating(
    items: readonly Item[],
    mayHaveRun: boolean,
    track: number,
  ): Promise<Outcome<Result>> {
    const startedAt = monotonicMs();
    let repeated = mayHaveRun;
    for (let pauseMs = FIRST_REPEAT_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_REPEAT_MS)) {
      try {
        return { results: this.checked(items, await this.options.run(items, repeated, track)) };
      } catch (error) {
        const isSpent = monotonicMs() - startedAt + pauseMs > this.options.repeatForMs;
        if (!this.options.isTransient(error) || isSpent || this.isClosed) return { error };
        repeated = true;
        await this.waits.atMost(pauseMs);
      }
    }
  }

  private checked(items: readonly Item[], results: readonly Result[]): readonly Result[] {
    if (results.length === items.length) return results;
    throw new Error(
      `the ${this.options.name} batcher got ${results.length} results for ${items.length} items`,
    );
  }
}

/** One that throws must not keep the others of its group from being told, nor its track from the next group. */
function callBack(call: () => void): void {
  try {
    call();
  } catch (error) {
    void Promise.reject(toError(error));
  }
}
