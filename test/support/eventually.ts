import { setTimeout as pause } from 'node:timers/promises';

/** How an `eventually` waits. */
export interface EventuallyOptions {
  /** Longest wait, in ms; generous, because it is only reached by a failing test. */
  readonly withinMs?: number;
  /** Pause between two tries, in ms. */
  readonly everyMs?: number;
}

/**
 * Resolves with what `attempt` answers as soon as it neither throws nor answers `undefined` or `false`; rejects with its
 * last error once the time is up. For facts that no event announces; where there is an event, wait for the event.
 */
export async function eventually<Result>(
  attempt: () => Result | Promise<Result>,
  { withinMs = 10_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<Exclude<Result, undefined | false>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let lastError: unknown;
    try {
      const result = await attempt();
      if (result !== undefined && result !== false) return result as Exclude<Result, undefined | false>;
      lastError = new Error(`still ${String(result)}`);
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not true within ${withinMs} ms: ${messageOf(lastError)}`, { cause: lastError });
    }
    await pause(everyMs);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
