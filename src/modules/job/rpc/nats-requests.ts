import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { CONFIG, type RookeryConfig } from '../../../config/index.js';
import { RookeryError } from '../../../kernel/errors.js';
import { Lifecycle } from '../../../kernel/lifecycle.js';
import { Access, type Need } from '../../access/index.js';
import { NatsLink, natsAccessOf } from '../../transport/index.js';
import { LARGEST_JOB_BODY } from '../job-preparer.js';
import { ownError } from '../rest/own-errors.js';
import { loggedProblem } from '../rest/problem.filter.js';
import { JobRequests, requestNames, type RequestName } from './job-requests.js';
import { RefusalLog } from './refusal-log.js';
import {
  envelopeOfUnread,
  readRequest,
  writeReply,
  type Reply,
  type ReplyError,
  type RequestMessage,
} from './request-message.js';

/** Of all processes that answer, one gets each request. */
const QUEUE_GROUP = 'workers';

type Sender = Pick<RequestMessage, 'envelope'>;

/** Most that is answered at a time; a sender that does not wait for answers must not fill the memory. */
const MOST_REQUESTS = 10_000;
const MOST_BYTES = 64 * 1024 * 1024;

/** Leaving the queue group takes one answer of the server. */
const LEAVE_WITHIN_MS = 2_000;
/** An enqueue waits for the database about as long as its statements may take. */
const ANSWER_WITHIN_MS = 10_000;
const CLOSE_WITHIN_MS = 2_000;

/** Longest message of an error that is sent when all it has to tell is more than the server carries. */
const LONGEST_SHORT_MESSAGE = 2_000;

const IDEMPOTENCY_KEY = 'Idempotency-Key';
const AUTHORIZATION = 'Authorization';

/** The role each request needs, as its route over HTTP does. */
const neededFor: Readonly<Record<RequestName, Need>> = {
  'jobs.create': 'operate',
  'jobs.status': 'read',
  'jobs.cancel': 'operate',
};

/**
 * Takes `jobs.create`, `jobs.status` and `jobs.cancel` from NATS, where it is configured, and answers plain clients and
 * Nest's alike. Every request that came is answered, also while the process shuts down; no message can hurt the process.
 *
 * It has a connection of its own: requests that come by the thousand must not stand before tickets.
 */
@Injectable()
export class NatsRequests implements OnApplicationBootstrap {
  private readonly logger = new Logger('Requests');
  private readonly refusals = new RefusalLog(this.logger);
  private readonly prefix: string;
  private readonly link: NatsLink | undefined;
  private connection: NatsConnection | undefined;
  private isUp = false;
  private subscriptions: readonly Subscription[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private bytesUnderWay = 0;
  private isLeaving = false;

  constructor(
    private readonly requests: JobRequests,
    private readonly access: Access,
    @Inject(Lifecycle) private readonly lifecycle: Lifecycle,
    @Inject(CONFIG) { nats }: RookeryConfig,
  ) {
    this.prefix = nats?.prefix === undefined ? '' : `${nats.prefix}.`;
    this.link =
      nats &&
      new NatsLink(natsAccessOf(nats), {
        up: (connection) => this.up(connection),
        down: () => void (this.isUp = false),
        // That the server is away is told by the transport.
        trouble: (reason) => this.isUp && this.refusals.note(`NATS says: ${reason}`),
      });
  }

  /** The job types are known by now. */
  onApplicationBootstrap(): void {
    const { link } = this;
    if (!link) return;
    link.start();
    this.lifecycle.register('intake', 'requests', LEAVE_WITHIN_MS + 500, () => this.leave());
    this.lifecycle.register('running', 'answers', ANSWER_WITHIN_MS, () => this.allAnswered());
    this.lifecycle.register('outlets', 'requests', CLOSE_WITHIN_MS, () => link.stop());
  }

  /** The client itself listens again after it reconnected. */
  private up(connection: NatsConnection): void {
    this.isUp = true;
    if (this.isLeaving || connection === this.connection) return;
    this.connection = connection;
    this.subscriptions = requestNames.map((name) =>
      connection.subscribe(`${this.prefix}${name}`, {
        queue: QUEUE_GROUP,
        callback: (error, message) => {
          if (error) this.refusals.note(`${name} cannot be listened to: ${error.message}`);
          else this.take(name, message);
        },
      }),
    );
    connection.flush().then(
      () => this.logger.log(`answers ${requestNames.join(', ')} over NATS`),
      () => undefined,
    );
  }

  /** From here on other processes get the requests; those already on their way to this one still come. */
  private async leave(): Promise<void> {
    this.isLeaving = true;
    if (!this.isUp) {
      // Else the client would listen again, should the server come back meanwhile.
      for (const subscription of this.subscriptions) subscription.unsubscribe();
      return;
    }
    const left = Promise.allSettled(this.subscriptions.map((subscription) => subscription.drain()));
    await Promise.race([left, pause(LEAVE_WITHIN_MS, undefined, { ref: false })]);
  }

  private async allAnswered(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private take(name: RequestName, message: Msg): void {
    const bytes = message.data.length;
    const answering = this.answer(name, message).finally(() => {
      this.underWay.delete(answering);
      this.bytesUnderWay -= bytes;
    });
    this.underWay.add(answering);
    this.bytesUnderWay += bytes;
  }

  /** Never rejects. */
  private async answer(name: RequestName, message: Msg): Promise<void> {
    let request: Sender = envelopeOfUnread(message.data, message.subject);
    try {
      this.assertRoom(message);
      const read = readRequest(message.data, message.subject);
      request = read;
      this.access.admitSecret(bearerOf(message) ?? read.token, neededFor[name]);
      const answer = await this.requests.answer(name, read.data, idempotencyKeyOf(message));
      this.reply(name, message, request, { answer });
    } catch (error) {
      this.reply(name, message, request, { error: this.errorOf(error) });
    }
  }

  private assertRoom({ data }: Msg): void {
    if (data.length > LARGEST_JOB_BODY) {
      throw new RookeryError(
        'payload_too_large',
        `the message has ${data.length} bytes, more than ${LARGEST_JOB_BODY}; store the payload elsewhere and pass a reference`,
        { bytes: data.length, maxBytes: LARGEST_JOB_BODY },
      );
    }
    if (this.underWay.size >= MOST_REQUESTS || this.bytesUnderWay >= MOST_BYTES) {
      throw new RookeryError('overloaded', 'too many requests are being answered; try again in a moment', {
        retryAfter: 1,
      });
    }
  }

  /** Tells what the REST API tells, but for what concerns HTTP. */
  private errorOf(error: unknown): ReplyError {
    const problem = loggedProblem(ownError(error, this.lifecycle.isStopping));
    const { type: _type, title: _title, status: _status, detail, code, ...details } = problem;
    return { code, message: detail, ...details };
  }

  private reply(name: RequestName, message: Msg, request: Sender, reply: Reply): void {
    if (message.reply === undefined || message.reply === '') {
      if ('error' in reply) {
        const { code, message: reason } = reply.error;
        this.refusals.note(`a message on ${name} that nobody waits for was refused: ${code}: ${reason}`);
      }
      return;
    }
    try {
      message.respond(writeReply(request, reply));
    } catch (error) {
      this.replyInShort(name, message, request, reply, error);
    }
  }

  /** An answer can be larger than the server carries: what is wrong with thousands of fields. */
  private replyInShort(
    name: RequestName,
    message: Msg,
    request: Sender,
    reply: Reply,
    reason: unknown,
  ): void {
    const error =
      'error' in reply
        ? { code: reply.error.code, message: reply.error.message.slice(0, LONGEST_SHORT_MESSAGE) }
        : this.errorOf(reason);
    try {
      message.respond(writeReply(request, { error }));
    } catch {
      // The connection is closed; whoever waits asks again.
      this.refusals.note(`an answer on ${name} could not be sent`);
    }
  }
}

function idempotencyKeyOf({ headers }: Msg): string | undefined {
  return headers?.has(IDEMPOTENCY_KEY) === true ? headers.get(IDEMPOTENCY_KEY) : undefined;
}

/** NATS leaves the case of a header's name as it was sent. */
function bearerOf({ headers }: Msg): string | undefined {
  const name = headers?.keys().find((key) => key.toLowerCase() === AUTHORIZATION.toLowerCase());
  return name === undefined ? undefined : /^Bearer +(\S+)$/i.exec(headers?.get(name) ?? '')?.[1];
}
