import { RookeryError } from '../../../kernel/errors.js';
import { type Lane, lanes, type SignalKind } from '../transport.js';

/** One token of a subject, short enough to leave room for the queue in a stream's name. */
const PREFIX = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Every name this platform uses on NATS. A prefix keeps installations apart that share a server: it is the first token of
 * each subject and begins each stream's name. Queue names are tokens by themselves, so they need no escaping.
 */
export class NatsNames {
  private readonly subjectPrefix: string;
  private readonly streamPrefix: string;

  /** @throws RookeryError `invalid_config` when the prefix is not one token */
  constructor(prefix = '') {
    if (prefix !== '' && !PREFIX.test(prefix)) {
      throw new RookeryError(
        'invalid_config',
        `not a NATS prefix: ${JSON.stringify(prefix)}; use 1 to 64 letters, digits, - and _`,
      );
    }
    this.subjectPrefix = prefix === '' ? '' : `${prefix}.`;
    this.streamPrefix = prefix === '' ? '' : `${prefix}_`;
  }

  stream(queue: string): string {
    return `${this.streamPrefix}ROOKERY_TICKET_${queue}`;
  }

  /** The durable consumer of a lane, within its queue's stream. */
  consumer(lane: Lane): string {
    return lane;
  }

  ticketSubject(queue: string, lane: Lane): string {
    return `${this.subjectPrefix}rookery.ticket.${queue}.${lane}`;
  }

  /** Matches the tickets of all lanes of a queue. */
  ticketSubjects(queue: string): string {
    return `${this.subjectPrefix}rookery.ticket.${queue}.*`;
  }

  /** Reads back what `ticketSubject` wrote; undefined for any other subject. */
  parseTicketSubject(subject: string): { readonly queue: string; readonly lane: Lane } | undefined {
    if (!subject.startsWith(`${this.subjectPrefix}rookery.ticket.`)) return undefined;
    const [queue, name, ...rest] = subject
      .slice(this.subjectPrefix.length + 'rookery.ticket.'.length)
      .split('.');
    const lane = lanes.find((each) => each === name);
    return queue !== undefined && lane !== undefined && rest.length === 0 ? { queue, lane } : undefined;
  }

  /** A subject that is the caller's own. */
  subject(name: string): string {
    return `${this.subjectPrefix}${name}`;
  }

  signalSubject(kind: SignalKind): string {
    return `${this.subjectPrefix}rookery.signal.${kind}`;
  }

  /** Matches the signals of every kind. */
  signalSubjects(): string {
    return `${this.subjectPrefix}rookery.signal.*`;
  }

  /** Where a pull of a lane's tickets is asked for. */
  pullSubject(queue: string, lane: Lane): string {
    return `$JS.API.CONSUMER.MSG.NEXT.${this.stream(queue)}.${this.consumer(lane)}`;
  }

  /** Where a stored ticket of the queue is asked for. */
  storedTicketSubject(queue: string): string {
    return `$JS.API.STREAM.MSG.GET.${this.stream(queue)}`;
  }
}
