import { monotonicMs } from '../kernel/clock.js';

/** SIGHUP is a terminal that was closed; Node takes away the protection of nohup, so this ends nobody who was meant to live on. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The terminal sends Ctrl-C to every process of the group, and the Nest CLI may pass it on again: one press, two signals. */
const ECHO_MS = 500;

/**
 * Calls back at SIGINT, SIGTERM and SIGHUP: first with `isUrgent` false, and true for every later one that is no echo of the
 * first. The function returned gives the signals back to Node.
 */
export function watchSignals(onStop: (signal: NodeJS.Signals, isUrgent: boolean) => void): () => void {
  let firstAt: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    const now = monotonicMs();
    if (firstAt === undefined) {
      firstAt = now;
      onStop(signal, false);
    } else if (now - firstAt > ECHO_MS) {
      onStop(signal, true);
    }
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
