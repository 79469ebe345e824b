import type { Clock } from '../../../kernel/clock.js';
import { RookeryError } from '../../../kernel/errors.js';
import { Listeners } from '../local/listeners.js';
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
import { Alarm } from './alarm.js';
import { QueueTickets } from './queue-tickets.js';
import { TicketLane } from './ticket-lane.js';

/**
 * 100,000 ids are 2–3 seconds of work at full speed, long enough for a worker's look to take over, and weigh about
 * 10 MB with their text, so that a queue nobody serves costs little for ever.
 */
const DEFAULT_MAX_IDS_PER_LANE = 100_000;

/** Long enough for a claim to wait out a restarting PostgreSQL, short enough that a forgotten ticket is soon seen again. */
const DEFAULT_ACK_WAIT_MS = 30_000;

export interface InProcessTransportOptions {
  /** The database's clock, which `oldestTicketAt` is told on. */
  readonly clock: Clock;
  /** Most ids a lane of a queue holds, those taken and not acked included; what is offered beyond is dropped. */
  readonly maxIdsPerLane?: number;
  /** After how long a ticket that is neither acked nor given back is delivered again. */
  readonly ackWaitMs?: number;
  /** Gets whatever a listener throws; logged when absent. */
  readonly onListenerError?: (error: unknown) => void;
}

/**
 * The transport of a single process: tickets in memory, bounded, and lost with the process, which is no loss because the
 * jobs are in the table. Ids offered one by one are taken together, and a take gets exactly `maxIds` ids when there are as many.
 */
export class InProcessTransport implements Transport {
  private phase: 'new' | 'started' | 'stopped' = 'new';
  private readonly clock: Clock;
  private readonly maxIdsPerLane: number;
  private readonly ackWaitMs: number;
  private readonly tickets = new Map<string, QueueTickets>();
  private readonly alarm = new Alarm((now) => this.sweep(now));
  private readonly signals: LocalSignals;
  private readonly gapListeners: Listeners<string>;
  /** Queues whose gap is not reported yet: a flood of refused offers is one report a task. */
  private readonly gaps = new Set<string>();
  private readonly counts = { offered: 0, taken: 0, acked: 0, givenBack: 0, dropped: 0 };

  constructor(options: InProcessTransportOptions) {
    this.clock = options.clock;
    this.maxIdsPerLane = options.maxIdsPerLane ?? DEFAULT_MAX_IDS_PER_LANE;
    this.ackWaitMs = options.ackWaitMs ?? DEFAULT_ACK_WAIT_MS;
    const onError = options.onListenerError ?? logListenerError;
    this.signals = new LocalSignals(onError);
    this.gapListeners = new Listeners(onError);
  }

  start(): Promise<void> {
    if (this.phase === 'stopped') {
      return Promise.reject(
        new RookeryError(
          'shutting_down',
          'the transport was stopped and does not start again: make a new one',
        ),
      );
    }
    this.phase = 'started';
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.phase = 'stopped';
    this.alarm.clear();
    for (const tickets of this.tickets.values()) {
      tickets.putBackAll();
      tickets.endWaits();
    }
    this.signals.clear();
    this.gapListeners.clear();
    return Promise.resolve();
  }

  get isAvailable(): boolean {
    return this.phase === 'started';
  }

  offer(queue: string, lane: Lane, ids: readonly string[]): void {
    if (ids.length === 0) return;
    const tickets = this.ticketsOf(queue);
    const accepted = this.phase === 'stopped' ? 0 : tickets.lane(lane).offer(ids, this.clock.now());
    this.counts.offered += ids.length;
    if (accepted > 0) tickets.serve();
    if (accepted < ids.length) this.drop(queue, ids.length - accepted);
  }

  take(queue: string, lanes: readonly Lane[], maxIds: number, signal: AbortSignal): Promise<Ticket[]> {
    if (!(maxIds >= 1)) return Promise.reject(new RangeError(`maxIds must be at least 1, not ${maxIds}`));
    if (signal.aborted || this.phase === 'stopped') return Promise.resolve([]);
    return this.ticketsOf(queue).take(lanes, maxIds, signal);
  }

  isAwaited(queue: string, lanes: readonly Lane[]): boolean {
    return this.tickets.get(queue)?.isAwaited(lanes) ?? false;
  }

  oldestTicketAt(queue: string, lane: Lane): Promise<OldestTicket> {
    if (this.phase !== 'started') return Promise.resolve({ kind: 'unknown' });
    const at = this.tickets.get(queue)?.lane(lane).oldestOfferedAt();
    return Promise.resolve(at === undefined ? { kind: 'none' } : { kind: 'at', at });
  }

  broadcast(signal: Signal): void {
    if (this.phase !== 'stopped') this.signals.broadcast(signal);
  }

  subscribe<Kind extends SignalKind>(
    kind: Kind,
    listener: (signal: Extract<Signal, { kind: Kind }>) => void,
  ): () => void {
    return this.signals.subscribe(kind, listener);
  }

  onGap(listener: (queue: string | undefined) => void): () => void {
    return this.gapListeners.add(listener);
  }

  get stats(): TransportStats {
    return { ...this.counts };
  }

  private ticketsOf(queue: string): QueueTickets {
    let tickets = this.tickets.get(queue);
    if (!tickets) {
      tickets = this.makeTickets(queue);
      this.tickets.set(queue, tickets);
    }
    return tickets;
  }

  private makeTickets(queue: string): QueueTickets {
    const events = {
      acked: (count: number): void => void (this.counts.acked += count),
      givenBack: (count: number, dueAt: number): void => {
        this.counts.givenBack += count;
        this.alarm.setFor(dueAt);
      },
    };
    return new QueueTickets(
      (lane) => new TicketLane(queue, lane, this.maxIdsPerLane, this.ackWaitMs, events),
      (count, takenAt) => {
        this.counts.taken += count;
        this.alarm.setFor(takenAt + this.ackWaitMs);
      },
    );
  }

  private sweep(nowMs: number): number {
    let next = Infinity;
    for (const tickets of this.tickets.values()) next = Math.min(next, tickets.sweep(nowMs));
    return next;
  }

  private drop(queue: string, count: number): void {
    this.counts.dropped += count;
    if (this.gaps.size === 0) queueMicrotask(() => this.reportGaps());
    this.gaps.add(queue);
  }

  private reportGaps(): void {
    for (const queue of this.gaps) this.gapListeners.emit(queue);
    this.gaps.clear();
  }
}
