/**
 * The transport port: tickets and signals, and nothing of jobs.
 *
 * PostgreSQL decides, the transport hurries. A ticket says "look at these job ids"; who runs a job is decided by the claim.
 * So an implementation may lose, repeat or reorder tickets and signals without harm to any job; it must only be honest
 * about what it knows (`oldestTicketAt`) and say when it lost some (`onGap`), so that workers look at the table instead.
 *
 * What every implementation promises, and test/contract proves on each: tickets of one offerer in one lane are taken in
 * their order; a ticket given back is taken again before any newer one of its lane; a ticket that is neither acked nor
 * given back comes again; a broadcast reaches every subscriber of every process; `stop` returns the unsettled tickets.
 */

/** Lanes in the order a worker serves them; `retry` is for every attempt after the first and has slots of its own. */
export const freshLanes = ['high', 'normal', 'low'] as const;
export const lanes = [...freshLanes, 'retry'] as const;
export type FreshLane = (typeof freshLanes)[number];
export type Lane = (typeof lanes)[number];

/** Most ids one ticket names: small enough to spread evenly, large enough to make a bulk enqueue cheap. */
export const MAX_TICKET_IDS = 25;

/** A message that names jobs of one queue and lane. Exactly one of `ack` and `giveBack` is called, once; any call after the first does nothing. */
export interface Ticket {
  readonly queue: string;
  readonly lane: Lane;
  /** 1…25 job ids, oldest first. */
  readonly ids: readonly string[];
  /** How often this ticket has been delivered, this time included; ≥ 1. */
  readonly deliveries: number;
  /** Its jobs are claimed, or are nobody's to claim: the ticket is done. Never throws. */
  ack(): void;
  /** Its jobs are not all claimed: deliver it again, after `delayMs` (default 0) and before anything newer of its lane. Never throws. */
  giveBack(delayMs?: number): void;
}

/** What the transport knows of the oldest ticket in a lane that is not acked, including those taken and not yet settled. */
export type OldestTicket =
  | { readonly kind: 'none' }
  /** `at`: when it was offered, in ms on the database's clock. */
  | { readonly kind: 'at'; readonly at: number }
  /** The transport is away or cannot tell; who asks must judge nothing by it. */
  | { readonly kind: 'unknown' };

/** A broadcast to every process. Only a hint: the truth is a column that every process re-reads. */
export type Signal =
  | { readonly kind: 'cancel'; readonly ids: readonly string[] }
  | { readonly kind: 'pause'; readonly queue: string }
  | { readonly kind: 'resume'; readonly queue: string }
  | { readonly kind: 'settings'; readonly queue: string }
  | { readonly kind: 'drain'; readonly workerId: string }
  | { readonly kind: 'fin'; readonly batchId: string };
export type SignalKind = Signal['kind'];

/** What this process's transport has done since it was made. Every number counts ids, an id as often as it happened to it. */
export interface TransportStats {
  /** Ids given to `offer`, the dropped ones included. */
  readonly offered: number;
  readonly taken: number;
  readonly acked: number;
  readonly givenBack: number;
  /** Ids whose ticket was refused or lost; their jobs are left to the workers' look. */
  readonly dropped: number;
}

export interface Transport {
  /** Idempotent. An implementation whose server is away starts all the same and connects when it can. Rejects after a stop, which is final. */
  start(): Promise<void>;
  /** Idempotent; gives back every unsettled ticket, then ends every `take` with an empty answer. What is offered later is dropped. */
  stop(): Promise<void>;

  /** False while tickets cannot be taken: workers then read the table at short intervals. */
  readonly isAvailable: boolean;

  /** Offers jobs to the workers of a queue, in the order given. Never throws and never waits; what is refused is counted and reported by `onGap`. */
  offer(queue: string, lane: Lane, ids: readonly string[]): void;

  /**
   * Waits for tickets of any of these lanes and takes some, earlier lanes first, until they name `maxIds` ids (the last
   * ticket may exceed it) or no more are at hand. Empty only when `signal` aborts or the transport stops. Those who wait
   * for the same lanes are served in turn. Rejects with a RangeError when `maxIds` is less than 1.
   */
  take(queue: string, lanes: readonly Lane[], maxIds: number, signal: AbortSignal): Promise<Ticket[]>;

  /**
   * True when somebody waits for tickets of all these lanes, and so none is at hand: a job of theirs may be handed over without one.
   * False where tickets of other processes may be on their way.
   */
  isAwaited(queue: string, lanes: readonly Lane[]): boolean;

  oldestTicketAt(queue: string, lane: Lane): Promise<OldestTicket>;

  /** Sends to every process, this one included; listeners are called after it returned, never within it. Never throws. */
  broadcast(signal: Signal): void;
  /** Calls back for each signal of that kind; the function returned ends it. */
  subscribe<Kind extends SignalKind>(
    kind: Kind,
    listener: (signal: Extract<Signal, { kind: Kind }>) => void,
  ): () => void;

  /** Calls back when tickets of a queue were dropped, or (no queue) when tickets of any queue may have been; the function returned ends it. */
  onGap(listener: (queue: string | undefined) => void): () => void;

  readonly stats: TransportStats;
}

/** Injection token of the transport. */
export const TRANSPORT = Symbol('rookery:transport');
