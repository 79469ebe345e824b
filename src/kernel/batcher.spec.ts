import { AsyncLocalStorage } from 'node:async_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batcher, type BatcherOptions } from './batcher.js';

class ItemFault extends Error {}
class ConnectionLost extends Error {}

interface Call {
  readonly items: readonly number[];
  readonly repeated: boolean;
}

/** What one call of `run` does before it answers every item's double. */
type Behaviour = (items: readonly number[], call: number) => Promise<void> | void;

function batcherOf(
  behave: Behaviour = () => undefined,
  options: Partial<BatcherOptions<number, number>> = {},
) {
  const calls: Call[] = [];
  const batcher = new Batcher<number, number>({
    name: 'test',
    maxItems: 100,
    run: async (items, repeated) => {
      calls.push({ items, repeated });
      await behave(items, calls.length);
      return items.map((item) => item * 2);
    },
    isItemFault: (error) => error instanceof ItemFault,
    isTransient: (error) => error instanceof ConnectionLost,
    repeatForMs: 10_000,
    ...options,
  });
  return { batcher, calls, groups: () => calls.map(({ items }) => [...items]) };
}

/** A run that waits until the test lets it go. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('a batcher', () => {
  it('runs what was submitted in one turn together, and answers each its own result', async () => {
    const { batcher, groups } = batcherOf();
    expect(await Promise.all([1, 2, 3].map((item) => batcher.submit(item)))).toEqual([2, 4, 6]);
    expect(groups()).toEqual([[1, 2, 3]]);
  });

  it('lets an item leave at the end of the turn when nothing is in flight', async () => {
    const { batcher, calls } = batcherOf();
    const result = batcher.submit(1);
    await turnOfTheLoop();
    expect(calls).toHaveLength(1);
    expect(await result).toBe(2);
  });

  it('lets what arrives during a run ride the next one together', async () => {
    const first = gate();
    const { batcher, groups } = batcherOf((_, call) => (call === 1 ? first.opened : undefined));
    const results = [batcher.submit(1)];
    await turnOfTheLoop();
    for (const item of [2, 3]) {
      results.push(batcher.submit(item));
      await turnOfTheLoop();
    }
    expect(groups()).toEqual([[1]]);
    expect(batcher.stats.pending).toBe(2);
    first.open();
    expect(await Promise.all(results)).toEqual([2, 4, 6]);
    expect(groups()).toEqual([[1], [2, 3]]);
  });

  it('keeps the order, the most items and the heaviest weight, and leaves nothing out', async () => {
    const items = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 10 }), async (given, maxItems) => {
        const { batcher, groups } = batcherOf(undefined, { maxItems, weigh: (item) => item, maxWeight: 60 });
        const results = await Promise.all(given.map((item) => batcher.submit(item)));
        expect(results).toEqual(given.map((item) => item * 2));
        expect(groups().flat()).toEqual(given);
        for (const group of groups()) {
          expect(group.length).toBeLessThanOrEqual(maxItems);
          expect(group.reduce((sum, item) => sum + item, 0)).toBeLessThanOrEqual(60);
        }
      }),
    );
  });

  it('runs an item that is heavier than a run may be by itself', async () => {
    const { batcher, groups } = batcherOf(undefined, { weigh: (item) => item, maxWeight: 10 });
    await Promise.all([1, 50, 2].map((item) => batcher.submit(item)));
    expect(groups()).toEqual([[1], [50], [2]]);
  });

  it('rejects alone the item that cannot be weighed', async () => {
    const weigh = (item: number): number => {
      if (item === 2) throw new Error('no weight');
      return 1;
    };
    const { batcher } = batcherOf(undefined, { weigh });
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('counts its runs and items', async () => {
    const { batcher } = batcherOf(undefined, { maxItems: 2 });
    await Promise.all([1, 2, 3].map((item) => batcher.submit(item)));
    expect(batcher.stats).toEqual({ runs: 2, items: 3, pending: 0 });
  });
});

describe('with two tracks', () => {
  /** Runs that end when the test says so, in the order it says. */
  function held(options: Partial<BatcherOptions<number, number>> = {}) {
    const runs: { readonly items: readonly number[]; readonly track: number; end(): void }[] = [];
    const batcher = new Batcher<number, number>({
      name: 'test',
      maxItems: 100,
      tracks: 2,
      run: async (items, _, track) => {
        const ending = gate();
        runs.push({ items, track, end: ending.open });
        await ending.opened;
        return items.map((item) => item * 2);
      },
      isItemFault: () => false,
      isTransient: () => false,
      repeatForMs: 0,
      ...options,
    });
    return { batcher, runs };
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, item) => item);

  it('runs what arrives during a run on the other track, and what arrives then when one is free', async () => {
    const { batcher, runs } = held();
    const results = [];
    for (const item of [1, 2, 3, 4]) {
      results.push(batcher.submit(item));
      await turnOfTheLoop();
    }
    expect(runs.map(({ items, track }) => ({ items, track }))).toEqual([
      { items: [1], track: 0 },
      { items: [2], track: 1 },
    ]);
    runs[1]?.end();
    expect(await results[1]).toBe(4);
    await turnOfTheLoop();
    expect(runs[2]).toMatchObject({ items: [3, 4], track: 1 });
    for (const { end } of runs) end();
    expect(await Promise.all(results)).toEqual([2, 4, 6, 8]);
  });

  it('divides a crowd in its order, and leaves a few together', async () => {
    const { batcher, runs } = held();
    const few = upTo(31).map((item) => batcher.submit(item));
    await turnOfTheLoop();
    expect(runs.map(({ items }) => items)).toEqual([upTo(31)]);
    runs[0]?.end();
    await Promise.all(few);
    const crowd = upTo(50).map((item) => batcher.submit(item));
    await turnOfTheLoop();
    expect(runs.slice(1).map(({ items }) => items)).toEqual([upTo(25), upTo(50).slice(25)]);
    expect(runs[1]?.track).not.toBe(runs[2]?.track);
    for (const { end } of runs) end();
    expect(await Promise.all(crowd)).toEqual(upTo(50).map((item) => item * 2));
  });

  it('is idle, and closed, when both are', async () => {
    const { batcher, runs } = held();
    const results = [batcher.submit(1)];
    await turnOfTheLoop();
    results.push(batcher.submit(2));
    await turnOfTheLoop();
    let isClosed = false;
    const closed = batcher.close().then(() => (isClosed = true));
    runs[0]?.end();
    expect(await results[0]).toBe(2);
    await turnOfTheLoop();
    expect(isClosed).toBe(false);
    runs[1]?.end();
    await closed;
    expect(await results[1]).toBe(4);
  });
});

describe('a bad item', () => {
  it('fails alone, wherever it stands and however many there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), async (isBad) => {
        const { batcher } = batcherOf((items) => {
          if (items.some((item) => isBad[item])) throw new ItemFault('bad');
        });
        const results = await Promise.allSettled(isBad.map((_, item) => batcher.submit(item)));
        expect(results.map(({ status }) => status === 'rejected')).toEqual(isBad);
      }),
    );
  });

  it('costs about two runs for each halving', async () => {
    const { batcher, calls } = batcherOf((items) => {
      if (items.includes(7)) throw new ItemFault('bad');
    });
    await Promise.allSettled(Array.from({ length: 64 }, (_, item) => batcher.submit(item)));
    expect(calls.length).toBeLessThanOrEqual(1 + 2 * Math.log2(64));
  });

  it('is not looked for when the error is nobody’s fault', async () => {
    const failure = new Error('no such table');
    const { batcher, calls } = batcherOf(() => {
      throw failure;
    });
    const results = await Promise.allSettled([1, 2].map((item) => batcher.submit(item)));
    expect(results).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'rejected', reason: failure },
    ]);
    expect(calls).toHaveLength(1);
  });

  it('is looked for among items whose first statements may have taken effect, and the runs are told so', async () => {
    const { batcher, calls } = batcherOf((items) => {
      if (items.length > 1) throw new ItemFault('bad');
    });
    await Promise.all([1, 2].map((item) => batcher.submit(item)));
    expect(calls.map(({ repeated }) => repeated)).toEqual([false, true, true]);
  });

  it('does not stop the batcher', async () => {
    const { batcher } = batcherOf((items) => {
      if (items.includes(1)) throw new ItemFault('bad');
    });
    await expect(batcher.submit(1)).rejects.toThrow('bad');
    expect(await batcher.submit(2)).toBe(4);
  });
});

describe('a lost connection', () => {
  it('repeats the same items, and says so', async () => {
    const { batcher, calls } = batcherOf((_, call) => {
      if (call === 1) throw new ConnectionLost();
    });
    expect(await Promise.all([1, 2].map((item) => batcher.submit(item)))).toEqual([2, 4]);
    expect(calls).toEqual([
      { items: [1, 2], repeated: false },
      { items: [1, 2], repeated: true },
    ]);
  });

  it('is remembered when the repeat is then halved', async () => {
    const { batcher, calls } = batcherOf((items, call) => {
      if (call === 1) throw new ConnectionLost();
      if (items.length > 1) throw new ItemFault('bad');
    });
    await Promise.all([1, 2].map((item) => batcher.submit(item)));
    expect(calls.map(({ repeated }) => repeated)).toEqual([false, true, true, true]);
  });

  it('does not mark the group after it', async () => {
    const { batcher, calls } = batcherOf((_, call) => {
      if (call === 1) throw new ConnectionLost();
    });
    await batcher.submit(1);
    await batcher.submit(2);
    expect(calls.at(-1)).toEqual({ items: [2], repeated: false });
  });

  it('fails the items with the last error when the time for repeats is up', async () => {
    const lost = new ConnectionLost('gone');
    const { batcher, calls } = batcherOf(
      () => {
        throw lost;
      },
      { repeatForMs: 60 },
    );
    await expect(batcher.submit(1)).rejects.toBe(lost);
    expect(calls.map(({ repeated }) => repeated)).toEqual([false, true]);
  });

  it('that is an outage fails with its run all that waited before, and nobody who came meanwhile', async () => {
    const lost = new ConnectionLost('gone');
    let isAway = true;
    const { batcher, groups } = batcherOf(
      () => {
        if (isAway) throw lost;
      },
      { maxItems: 1, weigh: () => 3, repeatForMs: 60, isOutage: (error) => error === lost },
    );
    const before = [1, 2, 3].map((item) => batcher.submit(item));
    await turnOfTheLoop();
    const meanwhile = batcher.submit(4);
    expect([batcher.pending, batcher.pendingWeight]).toEqual([3, 9]);
    const failed = { status: 'rejected', reason: lost };
    expect(await Promise.allSettled(before)).toEqual([failed, failed, failed]);
    isAway = false;
    expect(await meanwhile).toBe(8);
    expect(groups()).toEqual([[1], [1], [4], [4]]);
    expect([batcher.pending, batcher.pendingWeight]).toEqual([0, 0]);
  });
});

describe('a callback', () => {
  it('that throws keeps nobody else from being told, nor the next group from running', async () => {
    const { batcher } = batcherOf();
    const thrown = new Promise((resolve) => process.once('unhandledRejection', resolve));
    const told: number[] = [];
    const fail = (): never => {
      throw new Error('of the one who asked');
    };
    batcher.enter(1, fail, fail);
    batcher.enter(
      2,
      (result) => void told.push(result),
      () => undefined,
    );
    expect(await thrown).toMatchObject({ message: 'of the one who asked' });
    expect(told).toEqual([4]);
    expect(await batcher.submit(3)).toBe(6);
  });

  it('is made in the context the batcher was made in, whoever came first', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const { batcher } = batcherOf(() => void seen.push(context.getStore()));
    await context.run('a request', () => batcher.submit(1));
    expect(seen).toEqual([undefined]);
  });
});

describe('closing', () => {
  it('runs what waits, then takes nothing more', async () => {
    const { batcher } = batcherOf();
    const result = batcher.submit(1);
    await batcher.close();
    expect(await result).toBe(2);
    await expect(batcher.submit(2)).rejects.toThrow('the test batcher is closed');
  });

  it('ends repeats at once', async () => {
    const firstTry = gate();
    const { batcher } = batcherOf(
      () => {
        firstTry.open();
        throw new ConnectionLost('gone');
      },
      { repeatForMs: Infinity },
    );
    const failure = expect(batcher.submit(1)).rejects.toThrow('gone');
    await firstTry.opened;
    await batcher.close();
    await failure;
  });

  it('is done twice as well as once', async () => {
    const { batcher } = batcherOf();
    await batcher.close();
    await batcher.close();
    expect(batcher.stats.pending).toBe(0);
  });
});

describe('idle', () => {
  it('resolves when everything is through', async () => {
    const { batcher } = batcherOf();
    await batcher.idle();
    const results = [1, 2].map((item) => batcher.submit(item));
    await batcher.idle();
    expect(batcher.stats).toEqual({ runs: 1, items: 2, pending: 0 });
    await Promise.all(results);
  });
});

it('rejects a group whose run answers too few results', async () => {
  const { batcher } = batcherOf(undefined, { run: async () => Promise.resolve([]) });
  await expect(batcher.submit(1)).rejects.toThrow('the test batcher got 0 results for 1 items');
});
