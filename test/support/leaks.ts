import { createHook, type AsyncHook } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { eventually } from './eventually.js';

/** What keeps a process alive and is to be given back, under Node's names for it. */
const COUNTED = ['ProcessWrap', 'TCPServerWrap', 'TCPSocketWrap', 'TLSWrap', 'UDPWrap', 'Worker'] as const;

/** A kind of leak: the name Node gives to a child process, listener, connection or thread, or `Timeout`. */
export type Leakable = (typeof COUNTED)[number] | 'Timeout';

/** Closing takes a few turns of the event loop and, for a socket, the other side; this is how long it may take, in ms. */
const CLOSING_MS = 3_000;

/**
 * Makes every test of the file, or of the `describe` it is called in, fail when it leaves more timers, connections, child
 * processes or threads behind than it found. What `beforeAll` opened was there before and is no leak; a pool among that which
 * connects when first used is told by `ignore`. Unreferenced timers and sockets keep nothing alive and do not count.
 */
export function failOnLeaks({ ignore = [] }: { readonly ignore?: readonly Leakable[] } = {}): void {
  const timers = new TimerWatch();
  let before = new Map<string, number>();

  beforeAll(() => timers.start());
  afterAll(() => timers.stop());
  beforeEach(() => {
    before = activeResources();
    timers.begin();
  });
  afterEach(async () => {
    timers.end();
    await eventually(
      () => {
        const now = activeResources();
        const extra = new Map<Leakable, number>();
        for (const kind of COUNTED) extra.set(kind, (now.get(kind) ?? 0) - (before.get(kind) ?? 0));
        extra.set('Timeout', timers.running);
        const leaks = [...extra]
          .filter(([kind, count]) => count > 0 && !ignore.includes(kind))
          .map(([kind, count]) => `${count} × ${kind}`);
        if (leaks.length > 0) throw new Error(`the test left behind ${leaks.join(', ')}`);
        return true;
      },
      { withinMs: CLOSING_MS },
    );
  });
}

function activeResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Knows the timers made between `begin` and `end` one by one: counting all would mix them up with the test runner's own, which come and go. */
class TimerWatch {
  private readonly timers = new Map<number, NodeJS.Timeout>();
  private isRecording = false;
  private readonly hook: AsyncHook = createHook({
    init: (id, type, _trigger, resource) => {
      if (this.isRecording && type === 'Timeout') this.timers.set(id, resource as NodeJS.Timeout);
    },
    destroy: (id) => void this.timers.delete(id),
  });

  start(): void {
    this.hook.enable();
  }

  stop(): void {
    this.hook.disable();
    this.timers.clear();
  }

  begin(): void {
    this.timers.clear();
    this.isRecording = true;
  }

  /** Those recorded are followed to their end; those made from here on, waiting for that, are not the test's. */
  end(): void {
    this.isRecording = false;
  }

  get running(): number {
    return [...this.timers.values()].filter((timer) => timer.hasRef()).length;
  }
}
