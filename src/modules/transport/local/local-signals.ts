import type { Signal, SignalKind } from '../transport.js';
import { Listeners } from './listeners.js';

/** Brings signals to the subscribers within this process. */
export class LocalSignals {
  private readonly byKind = new Map<SignalKind, Listeners<Signal>>();

  /** @param onError gets whatever a subscriber throws */
  constructor(private readonly onError: (error: unknown) => void) {}

  broadcast(signal: Signal): void {
    this.byKind.get(signal.kind)?.emit(signal);
  }

  subscribe<Kind extends SignalKind>(
    kind: Kind,
    listener: (signal: Extract<Signal, { kind: Kind }>) => void,
  ): () => void {
    let listeners = this.byKind.get(kind);
    if (!listeners) {
      listeners = new Listeners(this.onError);
      this.byKind.set(kind, listeners);
    }
    return listeners.add((signal) => listener(signal as Extract<Signal, { kind: Kind }>));
  }

  /** Ends every subscription, also for signals that are on their way. */
  clear(): void {
    for (const listeners of this.byKind.values()) listeners.clear();
  }
}
