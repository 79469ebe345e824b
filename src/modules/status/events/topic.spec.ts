import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Topic } from './topic.js';

const PACE_MS = 1_000;

/** A topic of numbers by name, whose reads wait for `answer`. */
function topicOf(states: Map<string, number>) {
  const reads: { readonly keys: readonly string[]; answer(): void; fail(): void }[] = [];
  const topic = new Topic<number>({
    paceMs: PACE_MS,
    read: (keys) =>
      new Promise((resolve, reject) =>
        reads.push({
          keys,
          answer: () => resolve(new Map(states)),
          fail: () => reject(new Error('the database is away')),
        }),
      ),
    present: (state) => `is ${state}`,
    changes: (before, now) => (before === now ? '' : `now ${now}`),
    onError: () => undefined,
  });
  /** Lets the next read begin, and answers it. */
  const read = async (): Promise<void> => {
    const count = reads.length;
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(PACE_MS);
      expect(reads.length).toBeGreaterThan(count);
    });
    reads.at(-1)?.answer();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { topic, reads, read };
}

function watcherOf() {
  const told: string[] = [];
  return { told, push: (text: string) => void told.push(text) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a topic', () => {
  it('tells who comes how things are, and then what changes', async () => {
    const states = new Map([['mail', 1]]);
    const { topic, read } = topicOf(states);
    const watcher = watcherOf();
    const joined = topic.add('mail', watcher);
    await read();
    expect(await joined).toBe('is 1');
    states.set('mail', 2);
    await read();
    await read();
    expect(watcher.told).toEqual(['now 2']);
  });

  it('tells that there is no such thing, and forgets it', async () => {
    const { topic, read } = topicOf(new Map());
    const joined = topic.add('nothing', watcherOf());
    await read();
    expect(await joined).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('fails who comes while it cannot be read, and makes up for a failed read with the next', async () => {
    const states = new Map([['mail', 1]]);
    const { topic, reads, read } = topicOf(states);
    const watcher = watcherOf();
    void topic.add('mail', watcher);
    await read();
    const late = expect(topic.add('mail', watcherOf())).rejects.toThrow('the database is away');
    await vi.advanceTimersByTimeAsync(PACE_MS);
    states.set('mail', 2);
    reads.at(-1)?.fail();
    await late;
    await read();
    expect(watcher.told).toEqual(['now 2']);
  });

  it.each([
    ['before it is read for', false],
    ['while it is read for', true],
  ])('never tells a watcher who leaves %s', async (_, isRead) => {
    const states = new Map([['mail', 1]]);
    const { topic, reads, read } = topicOf(states);
    const stays = watcherOf();
    void topic.add('mail', stays);
    await read();
    const leaves = watcherOf();
    const joined = topic.add('mail', leaves);
    if (isRead) await vi.advanceTimersByTimeAsync(PACE_MS);
    expect(reads).toHaveLength(isRead ? 2 : 1);
    topic.remove('mail', leaves);
    expect(await joined).toBeUndefined();
    reads.at(-1)?.answer();
    states.set('mail', 2);
    await read();
    expect(stays.told).toEqual(['now 2']);
    expect(leaves.told).toEqual([]);
    topic.remove('mail', stays);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('reads for who comes anew while the read goes on that was for who has left', async () => {
    const { topic, reads, read } = topicOf(new Map([['mail', 1]]));
    const first = watcherOf();
    void topic.add('mail', first);
    await vi.advanceTimersByTimeAsync(PACE_MS);
    topic.remove('mail', first);
    const joined = topic.add('mail', watcherOf());
    reads[0]?.answer();
    await read();
    expect(await joined).toBe('is 1');
  });
});
