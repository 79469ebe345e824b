import { setTimeout as pause } from 'node:timers/promises';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../../kernel/clock.js';
import { RookeryError } from '../../../kernel/errors.js';
import type { Json } from '../../../kernel/json.js';
import { Listeners } from '../local/listeners.js';
import { logListenerError } from '../local/log-listener-error.js';
import type { Publisher } from '../publisher.js';
import type {
  Lane,
  OldestTicket,
  Signal,
  SignalKind,
  Ticket,
  Transport,
  TransportStats,
} from '../transport.js';
import { Availability } from './availability.js';
import { checkFiles, connectionOptions } from './connection-options.js';
import { GapReporter } from './gap-reporter.js';
import { probeJetStream } from './jetstream-probe.js';
import type { NatsAccess } from './nats-access.js';
import { NatsLink } from './nats-link.js';
import { NatsNames } from './nats-names.js';
import { NatsQueue } from './nats-queue.js';
import { NatsSignals } from './nats-signals.js';
import { NatsWire } from './nats-wire.js';
import { oldestTicketQuestion, readOldestTicket } from './oldest-stored-ticket.js';
import { Outbox } from './outbox.js';
import { ReplyInbox } from './reply-inbox.js';
import { TicketOffers } from './ticket-offers.js';
import { TicketStream, type TicketStreamSettings } from './ticket-stream.js';

/** A million tickets are hours of work, and a few hundred MB of disk at most. */
const DEFAULT_MAX_TICKETS = 1_000_000;

/** Long enough for a claim to wait out a restarting PostgreSQL, short enough that a forgotten ticket is soon seen again. */
const DEFAULT_ACK_WAIT_MS = 30_000;

/** At about 1 KB each a few MB; a server that keeps up has some hundreds on their way. */
const MOST_OFFERS_ON_THEIR_WAY = 8_192;

const OLDEST_WITHIN_MS = 2_000;

/** How long a stop waits for the server, above all until it has confirmed the tickets given back. */
const CONFIRM_WITHIN_MS = 2_000;

export interface NatsTransportOptions {
  readonly access: NatsAccess;
  /** The database's clock, which `oldestTicketAt` is told on. */
  readonly clock: Clock;
  /** Keeps installations apart that share a server; one token of letters, digits, - and _. None when absent. */
  readonly prefix?: string;
  /** Copies of each ticket in a NATS cluster, 1 when absent; for streams that are not there yet. */
  readonly replicas?: number;
  /** Most tickets a queue holds; for streams that are not there yet. */
  readonly maxTicketsPerQueue?: number;
  /** After how long a ticket that is neither acked nor given back is delivered again. */
  readonly ackWaitMs?: number;
  /** Gets whatever a listener throws; logged when absent. */
  readonly onListenerError?: (error: unknown) => void;
}

/**
 * The transport between processes. Tickets are messages of JetStream, one work-queue stream a queue and one consumer a
 * lane, and survive every process; signals are plain NATS messages that every process hears.
 *
 * It starts without a server and works when one comes; while there is none it says so by `isAvailable`, drops what is
 * offered, and reports the gap. A server that returns with an empty store gets its streams again at once.
 */
export class NatsTransport implements Transport, Publisher {
  private phase: 'new' | 'started' | 'stopped' = 'new';
  private stopping: Promise<void> | undefined;
  private readonly names: NatsNames;
  private readonly clock: Clock;
  private readonly access: NatsAccess;
  private readonly streamSettings: TicketStreamSettings;
  private readonly link: NatsLink;
  private readonly inbox = new ReplyInbox((message) => this.ticketCame(message));
  private readonly wire = new NatsWire(this.inbox);
  private readonly outbox = new Outbox(MOST_OFFERS_ON_THEIR_WAY);
  private readonly queues = new Map<string, NatsQueue>();
  private readonly signals: NatsSignals;
  private readonly availability = new Availability();
  private readonly gapListeners: Listeners<string | undefined>;
  private readonly gaps = new GapReporter((queue) => this.gapListeners.emit(queue));
  private readonly counts = { offered: 0, taken: 0, acked: 0, givenBack: 0, dropped: 0 };
  private isJetStreamThere = false;
  private probing = new AbortController();
  private probed = Promise.resolve();

  /** @throws RookeryError `invalid_config` when a server is no address or the prefix is not one token */
  constructor(options: NatsTransportOptions) {
    this.names = new NatsNames(options.prefix);
    this.clock = options.clock;
    this.access = options.access;
    connectionOptions(options.access);
    this.streamSettings = {
      replicas: options.replicas ?? 1,
      maxTickets: options.maxTicketsPerQueue ?? DEFAULT_MAX_TICKETS,
      ackWaitMs: options.ackWaitMs ?? DEFAULT_ACK_WAIT_MS,
    };
    const onError = options.onListenerError ?? logListenerError;
    this.signals = new NatsSignals(this.names, this.wire, onError);
    this.gapListeners = new Listeners(onError);
    this.link = new NatsLink(options.access, {
      up: (connection) => this.linkUp(connection),
      down: (reason) => this.linkDown(reason),
      trouble: (reason) => this.linkTrouble(reason),
    });
  }

  /** Does not wait for the server; rejects with a RookeryError when a file it is to be reached with cannot be read. */
  async start(): Promise<void> {
    if (this.phase === 'started') return;
    if (this.phase === 'stopped') {
      throw new RookeryError(
        'shutting_down',
        'the transport was stopped and does not start again: make a new one',
      );
    }
    this.phase = 'started';
    await checkFiles(this.access);
    if (!this.isStopped) this.link.start();
  }

  stop(): Promise<void> {
    this.phase = 'stopped';
    return (this.stopping ??= this.stopOnce());
  }

  get isAvailable(): boolean {
    return this.phase === 'started' && this.isJetStreamThere && !this.hasFailingStream;
  }

  offer(queue: string, lane: Lane, ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.counts.offered += ids.length;
    if (this.isStopped) this.counts.dropped += ids.length;
    else this.queue(queue).offer(lane, ids);
  }

  take(queue: string, lanes: readonly Lane[], maxIds: number, signal: AbortSignal): Promise<Ticket[]> {
    if (!(maxIds >= 1)) return Promise.reject(new RangeError(`maxIds must be at least 1, not ${maxIds}`));
    if (signal.aborted || this.isStopped) return Promise.resolve([]);
    return this.queue(queue).take(lanes, maxIds, signal);
  }

  isAwaited(): boolean {
    return false;
  }

  oldestTicketAt(queue: string, lane: Lane): Promise<OldestTicket> {
    if (!this.isAvailable) return Promise.resolve({ kind: 'unknown' });
    const question = oldestTicketQuestion(this.names.ticketSubject(queue, lane));
    return new Promise((resolve) => {
      this.wire.ask(this.names.storedTicketSubject(queue), question, OLDEST_WITHIN_MS, (answer) => {
        if (!answer || answer.headers) return resolve({ kind: 'unknown' });
        const { oldest, isStreamMissing } = readOldestTicket(answer);
        const stream = this.queues.get(queue)?.stream;
        if (isStreamMissing) stream?.suspect();
        if (oldest.kind === 'at' && oldest.at < this.clock.now() - this.longMs) stream?.examine(lane);
        resolve(oldest);
      });
    });
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

  publish(subject: string, message: Json): void {
    if (!this.isStopped) this.wire.send(this.names.subject(subject), JSON.stringify(message));
  }

  request(subject: string, message: Json, withinMs: number): Promise<Json | undefined> {
    if (this.isStopped) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.wire.ask(this.names.subject(subject), JSON.stringify(message), withinMs, (answer) =>
        resolve(answer && jsonOf(answer)),
      );
    });
  }

  onGap(listener: (queue: string | undefined) => void): () => void {
    return this.gapListeners.add(listener);
  }

  get stats(): TransportStats {
    return { ...this.counts };
  }

  /** Resolves when the server has heard and done whatever was asked of this transport so far; at once when it is away. */
  async flush(): Promise<void> {
    const queues = [...this.queues.values()];
    await Promise.all(queues.map((queue) => queue.offers.allSent()));
    for (const queue of queues) queue.confirmAcks();
    await this.inbox.effectsDone();
    await this.wire.connection?.flush().catch(() => undefined);
  }

  /** A ticket that old has been delivered at least once, if it is delivered at all. */
  private get longMs(): number {
    return 2 * this.streamSettings.ackWaitMs;
  }

  private get isStopped(): boolean {
    return this.phase === 'stopped';
  }

  private get hasFailingStream(): boolean {
    for (const { stream } of this.queues.values()) if (stream.isFailing) return true;
    return false;
  }

  private async stopOnce(): Promise<void> {
    this.probing.abort();
    this.availability.stop();
    for (const queue of this.queues.values()) queue.giveBackAll();
    const deadline = pause(CONFIRM_WITHIN_MS, undefined, { ref: false });
    if (this.wire.isUp) {
      await Promise.race([this.flush(), deadline]);
      // What is delivered until the server has heard of it is given back on arrival.
      await Promise.race([this.inbox.close(), deadline]);
    }
    for (const queue of this.queues.values()) queue.end();
    this.signals.clear();
    this.gapListeners.clear();
    this.gaps.stop();
    const idle = [this.probed, ...[...this.queues.values()].map(({ stream }) => stream.idle())];
    await Promise.race([Promise.all(idle), deadline]);
    await this.link.stop();
    this.wire.connection = undefined;
  }

  private linkUp(connection: NatsConnection): void {
    this.wire.connection = connection;
    this.inbox.attach(connection);
    this.signals.attach(connection);
    this.probing = new AbortController();
    this.probed = this.probe(connection, this.probing.signal);
  }

  private async probe(connection: NatsConnection, signal: AbortSignal): Promise<void> {
    const failed = (reason: string): void => this.availability.away(`JetStream does not answer: ${reason}`);
    if (!(await probeJetStream(connection, signal, failed))) return;
    this.isJetStreamThere = true;
    this.availability.there(connection.getServer());
    for (const { stream } of this.queues.values()) stream.ensure();
  }

  private linkDown(reason: string): void {
    this.probing.abort();
    this.isJetStreamThere = false;
    this.wire.connection = undefined;
    for (const queue of this.queues.values()) queue.down();
    this.inbox.failAll();
    if (!this.isStopped) this.availability.away(reason);
  }

  private linkTrouble(reason: string): void {
    if (this.isStopped) return;
    if (this.wire.isUp) this.availability.remark(`NATS says: ${reason}`);
    else this.availability.away(reason);
  }

  private ticketCame(message: Msg): void {
    const address = this.names.parseTicketSubject(message.subject);
    if (address) this.queue(address.queue).arrive(address.lane, message);
  }

  private queue(name: string): NatsQueue {
    let queue = this.queues.get(name);
    if (!queue) {
      queue = this.makeQueue(name);
      this.queues.set(name, queue);
    }
    return queue;
  }

  private makeQueue(name: string): NatsQueue {
    const { names, wire, outbox, clock } = this;
    const stream: TicketStream = new TicketStream(name, names, this.streamSettings, wire, {
      ready: (isNew) => this.streamReady(queue, isNew),
      failed: (reason) => this.streamFailed(queue, reason),
    });
    const dropped = (ids: number): void => this.drop(name, ids);
    const offers = new TicketOffers({ queue: name, names, stream, wire, outbox, clock, dropped });
    const queue: NatsQueue = new NatsQueue(name, names, stream, offers, wire, {
      taken: (ids) => void (this.counts.taken += ids),
      acked: (ids) => void (this.counts.acked += ids),
      givenBack: (ids) => void (this.counts.givenBack += ids),
      malformed: (subject) => this.availability.remark(`a malformed ticket on ${subject} was thrown away`),
    });
    return queue;
  }

  private streamReady(queue: NatsQueue, isNew: boolean): void {
    if (this.wire.connection && this.isAvailable) this.availability.there(this.wire.connection.getServer());
    queue.ready(isNew);
    // The store was lost, and with it the tickets of every queue and every process.
    if (isNew) this.gaps.note(undefined);
  }

  private streamFailed(queue: NatsQueue, reason: string): void {
    this.availability.away(`the stream of queue ${queue.queue} cannot be made: ${reason}`);
    queue.offers.dropWaiting();
  }

  private drop(queue: string, ids: number): void {
    this.counts.dropped += ids;
    this.gaps.note(queue);
  }
}

/** What an answer says; undefined when it is no JSON, as the server's own "no responders" is. */
function jsonOf(answer: Msg): Json | undefined {
  try {
    return answer.json<Json>();
  } catch {
    return undefined;
  }
}
