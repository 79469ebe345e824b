import { setTimeout as pause } from 'node:timers/promises';
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  ReplayPolicy,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { toError } from '../../../kernel/errors.js';
import { monotonicMs } from '../../../kernel/clock.js';
import { type Lane, lanes } from '../transport.js';
import type { NatsNames } from './nats-names.js';
import type { NatsWire } from './nats-wire.js';
import { isConsumerAstray } from './stranded-tickets.js';

/** How a queue's tickets are kept. */
export interface TicketStreamSettings {
  /** Copies of each ticket in a NATS cluster. */
  readonly replicas: number;
  /** Most tickets a queue holds; what is offered beyond is refused. */
  readonly maxTickets: number;
  /** After how long a ticket that is neither acked nor given back is delivered again. */
  readonly ackWaitMs: number;
}

export interface TicketStreamEvents {
  /** Stream and consumers are there; `isNew` when the tickets this process knew of are gone with an earlier stream. */
  ready(isNew: boolean): void;
  /** They could not be made; it is tried again. */
  failed(reason: string): void;
}

/** Unsettled tickets all workers of a lane may hold; it bounds what a server must remember of each. */
const MAX_ACK_PENDING = 20_000;

/** Longest wait for the server to make a stream. */
const MAKE_WITHIN_MS = 5_000;

/** A server in the middle of deleting a stream breaks one of the same name that is made meanwhile, so it gets time to end that. */
const SUSPECT_PAUSE_MS = 250;

/** How often a consumer is examined at most. */
const EXAMINE_EVERY_MS = 5_000;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** JetStream's code for a stream of that name which has other settings: an operator's, and left alone. */
const OTHER_SETTINGS = 10_058;

/**
 * The JetStream stream of one queue and its consumers, a durable pull consumer a lane. They are made when they are not
 * there: at first use, after a reconnect, and whenever the server says that it knows of none.
 */
export class TicketStream {
  private phase: 'unknown' | 'making' | 'ready' = 'unknown';
  private hasFailed = false;
  /** When the stream was created, which tells it from one of the same name made after the server's store was lost. */
  private createdAt: string | undefined;
  private making = new AbortController();
  private deferred: (() => void)[] = [];
  private readonly examinedAtMs = new Map<Lane, number>();
  private readonly underWay = new Set<Promise<void>>();

  constructor(
    readonly queue: string,
    private readonly names: NatsNames,
    private readonly settings: TicketStreamSettings,
    private readonly wire: NatsWire,
    private readonly events: TicketStreamEvents,
  ) {}

  get isReady(): boolean {
    return this.phase === 'ready';
  }

  /** True when the last try to make it failed. */
  get isFailing(): boolean {
    return this.hasFailed;
  }

  /** Which stream there is, as far as this process knows. */
  get incarnation(): string | undefined {
    return this.createdAt;
  }

  /** Makes what is not there, unless that is under way or there is no connection. */
  ensure(): void {
    this.begin(0);
  }

  /** The server seems to know of no stream or consumer: makes sure, unless that is under way. */
  suspect(): void {
    if (this.phase === 'ready') this.phase = 'unknown';
    this.begin(SUSPECT_PAUSE_MS);
  }

  /** A ticket of that lane has been there for long: makes its consumer anew if it will not deliver it. */
  examine(lane: Lane): void {
    const { connection } = this.wire;
    const now = monotonicMs();
    if (!connection || !this.isReady || now - (this.examinedAtMs.get(lane) ?? -Infinity) < EXAMINE_EVERY_MS)
      return;
    this.examinedAtMs.set(lane, now);
    // Whatever went wrong shows in the next pull, or the next examination.
    this.follow(this.manage().then((manager) => this.setRight(manager, lane)));
  }

  /** The connection is lost, and with it whatever was under way. */
  lose(): void {
    this.making.abort();
    this.phase = 'unknown';
  }

  /** Resolves when nothing is asked of the server any more, after `lose`. */
  async idle(): Promise<void> {
    await Promise.all(this.underWay);
  }

  /** Acts once the stream is at hand, at once if it is; never if it is no longer that incarnation. */
  whenReady(incarnation: string | undefined, action: () => void): void {
    const act = (): void => {
      if (this.createdAt === incarnation) action();
    };
    if (this.isReady) act();
    else this.deferred.push(act);
  }

  private begin(pauseMs: number): void {
    if (this.phase !== 'unknown' || !this.wire.isUp) return;
    this.phase = 'making';
    this.making = new AbortController();
    this.follow(this.make(this.making.signal, pauseMs));
  }

  private follow(work: Promise<void>): void {
    const followed = work.catch(() => undefined).finally(() => this.underWay.delete(followed));
    this.underWay.add(followed);
  }

  private async make(signal: AbortSignal, firstPauseMs: number): Promise<void> {
    if (firstPauseMs > 0) await pause(firstPauseMs, undefined, { ref: false, signal }).catch(() => undefined);
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        const createdAt = await this.define(signal);
        if (!signal.aborted) this.becomeReady(createdAt);
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        this.hasFailed = true;
        this.events.failed(toError(thrown).message);
      }
      await pause(pauseMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  private becomeReady(createdAt: string): void {
    const isNew = this.createdAt !== undefined && this.createdAt !== createdAt;
    this.createdAt = createdAt;
    this.phase = 'ready';
    this.hasFailed = false;
    const { deferred } = this;
    this.deferred = [];
    for (const act of deferred) act();
    this.events.ready(isNew);
  }

  /** Answers when the stream was created. */
  private async define(signal: AbortSignal): Promise<string> {
    const manager = await this.manage();
    const createdAt = await this.defineStream(manager);
    signal.throwIfAborted();
    await Promise.all(lanes.map((lane) => manager.consumers.add(this.name, this.consumerConfig(lane))));
    signal.throwIfAborted();
    await Promise.all(lanes.map((lane) => this.setRight(manager, lane)));
    return createdAt;
  }

  private manage(): Promise<JetStreamManager> {
    const { connection } = this.wire;
    if (!connection) return Promise.reject(new Error('there is no connection'));
    return jetstreamManager(connection, { checkAPI: false, timeout: MAKE_WITHIN_MS });
  }

  private async setRight(manager: JetStreamManager, lane: Lane): Promise<void> {
    const consumer = this.names.consumer(lane);
    const place = { stream: this.name, consumer, subject: this.names.ticketSubject(this.queue, lane) };
    if (!(await isConsumerAstray(manager, place))) return;
    await manager.consumers.delete(this.name, consumer);
    await manager.consumers.add(this.name, this.consumerConfig(lane));
  }

  private async defineStream(manager: JetStreamManager): Promise<string> {
    try {
      const { created } = await manager.streams.add({
        name: this.name,
        subjects: [this.names.ticketSubjects(this.queue)],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.File,
        discard: DiscardPolicy.New,
        max_msgs: this.settings.maxTickets,
        num_replicas: this.settings.replicas,
      });
      return created;
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== OTHER_SETTINGS) throw error;
      return (await manager.streams.info(this.name)).created;
    }
  }

  private consumerConfig(lane: Lane): Parameters<JetStreamManager['consumers']['add']>[1] {
    return {
      durable_name: this.names.consumer(lane),
      filter_subject: this.names.ticketSubject(this.queue, lane),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(this.settings.ackWaitMs),
      deliver_policy: DeliverPolicy.All,
      replay_policy: ReplayPolicy.Instant,
      max_deliver: -1,
      max_ack_pending: MAX_ACK_PENDING,
    };
  }

  private get name(): string {
    return this.names.stream(this.queue);
  }
}
