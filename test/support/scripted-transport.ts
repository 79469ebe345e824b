import type {
  Lane,
  OldestTicket,
  Signal,
  SignalKind,
  Ticket,
  Transport,
  TransportStats,
} from '../../src/modules/transport/index.js';

/** One call of `offer`. */
export interface Offer {
  readonly queue: string;
  readonly lane: Lane;
  readonly ids: readonly string[];
}

/** A transport that keeps what it is offered and knows of its tickets what the test says. */
export class ScriptedTransport implements Transport {
  isAvailable = true;
  /** What `oldestTicketAt` answers. */
  oldest: (queue: string, lane: Lane) => OldestTicket = () => ({ kind: 'none' });
  readonly stats: TransportStats = { offered: 0, taken: 0, acked: 0, givenBack: 0, dropped: 0 };
  private offers: Offer[] = [];
  private readonly gapListeners = new Set<(queue: string | undefined) => void>();

  /** The offers since the last call, and their ids in order. */
  takeOffers(): { readonly offers: readonly Offer[]; readonly ids: readonly string[] } {
    const { offers } = this;
    this.offers = [];
    return { offers, ids: offers.flatMap((offer) => offer.ids) };
  }

  /** Tells that tickets of the queue were refused. */
  reportGap(queue: string | undefined): void {
    for (const listener of this.gapListeners) listener(queue);
  }

  offer(queue: string, lane: Lane, ids: readonly string[]): void {
    this.offers.push({ queue, lane, ids });
  }

  isAwaited(): boolean {
    return false;
  }

  oldestTicketAt(queue: string, lane: Lane): Promise<OldestTicket> {
    return Promise.resolve(this.oldest(queue, lane));
  }

  onGap(listener: (queue: string | undefined) => void): () => void {
    this.gapListeners.add(listener);
    return () => this.gapListeners.delete(listener);
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  take(): Promise<Ticket[]> {
    return Promise.reject(new Error('nobody takes tickets from this transport'));
  }

  broadcast(_signal: Signal): void {}

  subscribe<Kind extends SignalKind>(
    _kind: Kind,
    _listener: (signal: Extract<Signal, { kind: Kind }>) => void,
  ): () => void {
    return () => undefined;
  }
}
