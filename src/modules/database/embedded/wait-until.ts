import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../../kernel/clock.js';

/** How a wait is bounded and told. */
export interface WaitOptions {
  /** How often the question is asked, in ms. */
  readonly everyMs: number;
  /** How long the wait may last, in ms. */
  readonly boundMs: number;
  /** Ends the wait early; it then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called every 5 s with the ms waited so far, so that a long wait is no silence. */
  readonly onProgress?: ((waitedMs: number) => void) | undefined;
}

const PROGRESS_EVERY_MS = 5_000;

/**
 * The first answer that is not undefined; undefined when the bound passed without one. Another process's files and
 * exit cannot be awaited portably, so they are asked for again and again.
 */
export async function waitUntil<Answer>(
  ask: () => Promise<Answer | undefined>,
  { everyMs, boundMs, signal, onProgress }: WaitOptions,
): Promise<Answer | undefined> {
  const startedAt = monotonicMs();
  let toldAt = startedAt;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    const now = monotonicMs();
    if (now - startedAt >= boundMs) return undefined;
    if (now - toldAt >= PROGRESS_EVERY_MS) {
      toldAt = now;
      onProgress?.(now - startedAt);
    }
    await sleep(everyMs, undefined, signal ? { signal } : {});
  }
}
