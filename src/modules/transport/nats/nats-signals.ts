import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { LocalSignals } from '../local/local-signals.js';
import type { Signal, SignalKind } from '../transport.js';
import type { NatsNames } from './nats-names.js';
import type { NatsWire } from './nats-wire.js';
import { decodeSignal, encodeSignal } from './signal-message.js';

/**
 * Signals as plain NATS messages, without a queue group, so that every process hears each. While the server is away they
 * reach this process alone; the others read the columns.
 */
export class NatsSignals {
  private readonly local: LocalSignals;
  private connection: NatsConnection | undefined;

  /** @param onError gets whatever a subscriber throws */
  constructor(
    private readonly names: NatsNames,
    private readonly wire: NatsWire,
    onError: (error: unknown) => void,
  ) {
    this.local = new LocalSignals(onError);
  }

  /** Listens on the connection; the client itself listens again after it reconnected. */
  attach(connection: NatsConnection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    connection.subscribe(this.names.signalSubjects(), {
      callback: (error, message) => {
        if (!error) this.receive(message);
      },
    });
  }

  broadcast(signal: Signal): void {
    if (!this.wire.send(this.names.signalSubject(signal.kind), encodeSignal(signal)))
      this.local.broadcast(signal);
  }

  subscribe<Kind extends SignalKind>(
    kind: Kind,
    listener: (signal: Extract<Signal, { kind: Kind }>) => void,
  ): () => void {
    return this.local.subscribe(kind, listener);
  }

  /** Ends every subscription, also for signals that are on their way. */
  clear(): void {
    this.local.clear();
  }

  /** A malformed signal is no signal: whoever sent it hurts nobody. */
  private receive(message: Msg): void {
    const kind = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    const signal = decodeSignal(kind, message.string());
    if (signal) this.local.broadcast(signal);
  }
}
