import { RookeryError } from '../../../kernel/errors.js';
import { LocalSignals } from '../local/local-signals.js';
import { logListenerError } from '../local/log-listener-error.js';
import type {
  Lane,
  OldestTicket,
  Signal,
  SignalKind,
  Ticket,
  Transport,
  TransportStats,
} from '../transport.js';

/** Nothing is offered to anybody, so nothing is dropped either. */
const NO_STATS: TransportStats = { offered: 0, taken: 0, acked: 0, givenBack: 0, dropped: 0 };

/**
 * The transport of separate processes that share nothing but the database: there are no tickets, and workers find every
 * job in the table. An offer goes nowhere and counts as nothing, because here it is no loss that anybody should look
 * into; for the same reason no gap is ever reported. Signals reach this process alone; the others read the columns.
 */
export class TableOnlyTransport implements Transport {
  readonly isAvailable = false;
  readonly stats = NO_STATS;
  private isStopped = false;
  private readonly signals: LocalSignals;
  private readonly endWaits = new Set<() => void>();

  /** @param onListenerError gets whatever a listener throws */
  constructor(onListenerError: (error: unknown) => void = logListenerError) {
    this.signals = new LocalSignals(onListenerError);
  }

  start(): Promise<void> {
    if (!this.isStopped) return Promise.resolve();
    return Promise.reject(
      new RookeryError('shutting_down', 'the transport was stopped and does not start again: make a new one'),
    );
  }

  stop(): Promise<void> {
    this.isStopped = true;
    for (const end of this.endWaits) end();
    this.signals.clear();
    return Promise.resolve();
  }

  offer(): void {}

  /** Waits until the signal aborts or the transport stops; there is never a ticket. */
  take(_queue: string, _lanes: readonly Lane[], _maxIds: number, signal: AbortSignal): Promise<Ticket[]> {
    if (signal.aborted || this.isStopped) return Promise.resolve([]);
    return new Promise((resolve) => {
      const end = (): void => {
        this.endWaits.delete(end);
        signal.removeEventListener('abort', end);
        resolve([]);
      };
      this.endWaits.add(end);
      signal.addEventListener('abort', end);
    });
  }

  isAwaited(): boolean {
    return false;
  }

  oldestTicketAt(): Promise<OldestTicket> {
    return Promise.resolve({ kind: 'unknown' });
  }

  broadcast(signal: Signal): void {
    if (!this.isStopped) this.signals.broadcast(signal);
  }

  subscribe<Kind extends SignalKind>(
    kind: Kind,
    listener: (signal: Extract<Signal, { kind: Kind }>) => void,
  ): () => void {
    return this.signals.subscribe(kind, listener);
  }

  /** There are no tickets to lose: `isAvailable` tells workers to read the table all the time. */
  onGap(): () => void {
    return () => undefined;
  }
}
