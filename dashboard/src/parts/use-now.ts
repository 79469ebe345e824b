import { useSyncExternalStore } from 'react';
import { now } from '../text/now.js';

const listeners = new Set<() => void>();
let shown = now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    shown = now();
    for (const one of listeners) one();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The time, a second exact, for whatever is shown as an age. One timer serves the whole page, and rests in a hidden tab. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => shown);
}
