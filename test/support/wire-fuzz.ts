import { randomInt } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import fc from 'fast-check';
import { answerClientError, answerFrameworkError } from '../../src/index.js';
import { eventually } from './eventually.js';
import { openNatsServer, type NatsServer } from './nats-server.js';
import { RestApp } from './rest-app.js';
import { httpInputs, messages, type HttpInput } from './wire-values.js';

/** Inputs that are under way at a time: most of the time of one is waiting. */
const ABREAST = 64;
/** Inputs that are made at a time. */
const A_PAGE = 5_000;
/** A server that has said nothing for so long waits for more of the request; by then it has answered any that is whole. */
const SILENCE_MS = 1_000;
const ANSWER_WITHIN_MS = 30_000;

/** What every run meets, be it short: one that only ever meets refusals would prove little. */
export const MET_ALWAYS: readonly string[] = [
  'http 201',
  'http 400',
  'http 415',
  'jobs.create answered',
  'jobs.create twice answered',
];

/** What a server wrote, one answer. */
export interface WireAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What is wrong with an answer over HTTP; undefined when nothing is. */
export function httpComplaint({ status, type, body }: WireAnswer): string | undefined {
  if (status >= 500) return `answered ${status}: ${body}`;
  if (status < 400 || body === '') return undefined;
  if (!type.startsWith('application/problem+json')) return `answered ${status} as ${type}: ${body}`;
  const problem = JSON.parse(body) as Record<string, unknown>;
  const isWhole = ['type', 'title', 'detail', 'code'].every((field) => typeof problem[field] === 'string');
  return isWhole && problem['status'] === status ? undefined : `answered no whole problem: ${body}`;
}

/** What is wrong with how often a server answered over HTTP; undefined when nothing is. */
export function silenceComplaint(
  { isWhole }: Pick<HttpInput, 'isWhole'>,
  answers: readonly WireAnswer[],
): string | undefined {
  return isWhole && answers.length === 0 ? 'there was no answer, and the request is whole:' : undefined;
}

/** What is wrong with a reply over NATS; undefined when nothing is. */
export function replyComplaint(text: string): string | undefined {
  const reply = JSON.parse(text) as { error?: unknown; err?: unknown };
  const error = (reply.error ?? reply.err) as { code?: unknown; message?: unknown } | undefined;
  if (error === undefined) return undefined;
  if (typeof error.code !== 'string' || typeof error.message !== 'string')
    return `replied no whole error: ${text}`;
  return /^(internal_error|database_unavailable|invalid_config)$/.test(error.code)
    ? `replied ${text}`
    : undefined;
}

/** What is wrong between what was accepted, by id or in silence, and what is stored; undefined when nothing is. */
export function accountComplaint(
  accepted: ReadonlySet<string>,
  silent: number,
  stored: readonly string[],
): string | undefined {
  const known = new Set(stored);
  const lost = [...accepted].filter((id) => !known.has(id));
  if (lost.length > 0) return `accepted and not stored: ${lost.join(', ')}`;
  const strangers = stored.filter((id) => !accepted.has(id)).length;
  return strangers === silent ? undefined : `${strangers} jobs that nobody was told of, instead of ${silent}`;
}

/** The API on a port and on NATS, without a worker, for whoever writes bytes to it. */
export class WireFuzz {
  /** How often each kind of answer came: `http 201`, `jobs.create invalid_request`. */
  readonly met = new Map<string, number>();
  private readonly accepted = new Set<string>();
  private silent = 0;

  private constructor(
    readonly rest: RestApp,
    private readonly nats: NatsServer,
    private readonly client: NatsConnection,
    private readonly port: number,
  ) {}

  static async open(): Promise<WireFuzz> {
    const nats = await openNatsServer();
    const rest = await RestApp.boot({
      settings: { nats: { url: nats.url } },
      adapter: new FastifyAdapter({
        clientErrorHandler: answerClientError,
        frameworkErrors: answerFrameworkError,
      }),
    });
    await rest.app.listen(0, '127.0.0.1');
    const client = await connect({ servers: nats.url });
    await eventually(async () => {
      await client.request('jobs.status', '', { timeout: 1_000 });
      return true;
    });
    return new WireFuzz(rest, nats, client, Number(new URL(await rest.app.getUrl()).port));
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.rest.close();
    await this.nats.close();
  }

  /** Writes that many requests to sockets. Rejects with one whose answer is wrong. */
  async runHttp(inputs: number, seed?: number): Promise<void> {
    await this.check(httpInputs, inputs, seed, async (input) => {
      const { bytes } = input;
      const answers = answersIn(await this.exchange(bytes), bytes);
      const missing = silenceComplaint(input, answers);
      if (missing !== undefined) throw new Error(`${missing} to ${shown(bytes)}`);
      for (const answer of answers) {
        this.count(`http ${answer.status}`);
        const complaint = httpComplaint(answer);
        if (complaint !== undefined) throw new Error(`${complaint} to ${shown(bytes)}`);
        if (answer.status === 201) this.accept(answer.body);
      }
    });
  }

  /** Sends that many messages over NATS. Rejects with one whose reply is wrong. */
  async runNats(inputs: number, seed?: number): Promise<void> {
    const ids = [await this.paint(), await this.paint()];
    await this.check(messages(ids), inputs, seed, async ({ subject, data, isSilent }) => {
      // What became of the one that nobody waits for is told by its twin.
      if (isSilent) this.client.publish(subject, data);
      const reply = (await this.client.request(subject, data, { timeout: ANSWER_WITHIN_MS })).string();
      const complaint = replyComplaint(reply);
      if (complaint !== undefined) throw new Error(`${complaint} to ${subject} ${shown(data)}`);
      const isAccepted = subject === 'jobs.create' && this.accept(reply);
      if (isAccepted && isSilent) this.silent++;
      this.count(`${subject}${isSilent ? ' twice' : ''} ${/"code":"(\w+)"/.exec(reply)?.[1] ?? 'answered'}`);
    });
  }

  /** What is wrong between what was accepted so far and what is stored, once all is answered. */
  async account(): Promise<string | undefined> {
    const look = async (): Promise<string | undefined> => {
      const rows = await this.rest.database.query<{ id: string }>('SELECT id FROM job');
      return accountComplaint(
        this.accepted,
        this.silent,
        rows.map(({ id }) => id),
      );
    };
    // Those that nobody waits for may still be under way.
    await eventually(async () => (await look()) === undefined, { withinMs: 2_000 }).catch(() => undefined);
    return look();
  }

  /** True when the process takes requests over both entrances as it did before. */
  async isReady(): Promise<boolean> {
    const ask = Buffer.from('GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    const answers = answersIn(await this.exchange(ask), ask);
    const reply = await this.client.request('jobs.status', '', { timeout: ANSWER_WITHIN_MS });
    return answers[0]?.status === 200 && 'waiting' in reply.json<object>();
  }

  private async paint(): Promise<string> {
    const id = await this.rest.paint();
    this.accepted.add(id);
    return id;
  }

  /** So many inputs, as many under way at a time as there are; what is wrong with one names it and the seed that makes it again. */
  private async check<Input>(
    inputs: fc.Arbitrary<Input>,
    count: number,
    seed: number | undefined,
    send: (input: Input) => Promise<void>,
  ): Promise<void> {
    const own = seed ?? randomInt(2 ** 31 - 1);
    let left = count;
    for (let page = 0; left > 0; page++) {
      const waiting = fc.sample(inputs, { numRuns: Math.min(left, A_PAGE), seed: own + page });
      left -= waiting.length;
      const sender = async (): Promise<void> => {
        for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) await send(input);
      };
      await Promise.all(Array.from({ length: ABREAST }, sender)).catch((cause: unknown) => {
        throw new Error(`seed ${own}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
    }
  }

  private count(word: string): void {
    this.met.set(word, (this.met.get(word) ?? 0) + 1);
  }

  private accept(text: string): boolean {
    const found = /^\{"(?:id|ids|response)":/.test(text);
    if (!found) return false;
    const body = JSON.parse(text) as { id?: string; ids?: string[]; response?: { id: string } };
    for (const id of body.ids ?? [body.response?.id ?? body.id ?? '']) this.accepted.add(id);
    return true;
  }

  /** Writes the bytes and reads to the end; hangs up on a server that waits for more, and not before: it would answer nobody then. */
  async exchange(bytes: Buffer): Promise<Buffer> {
    const socket = connectSocket({ port: this.port, host: '127.0.0.1', allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
    // A server may go away from what it refuses.
    socket.on('error', () => undefined);
    socket.setTimeout(SILENCE_MS, () => socket.end());
    socket.on('end', () => socket.end());
    socket.write(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
    return Buffer.concat(chunks);
  }
}

/** The bytes as a person reads them. */
function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1').slice(0, 2_000));
}

/** The answers in what a server wrote to a request, one after the other. */
export function answersIn(bytes: Buffer, request: Buffer): WireAnswer[] {
  const answers: WireAnswer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const head = /^HTTP\/1\.1 (\d{3})[^\r]*(\r\n[^]*?)??\r\n\r\n/.exec(rest.toString('latin1'));
    if (!head)
      throw new Error(`the server wrote no HTTP: ${shown(rest)} in ${shown(bytes)} to ${shown(request)}`);
    const headers = head[2] ?? '';
    const { body, length } = bodyIn(headers, rest.subarray(head[0].length));
    const type = /^content-type: (.*)/im.exec(headers)?.[1] ?? '';
    answers.push({ status: Number(head[1]), type, body: body.toString() });
    rest = rest.subarray(head[0].length + length);
  }
  return answers;
}

/** The body at the start of `bytes`, and how much of them it takes. */
function bodyIn(headers: string, bytes: Buffer): { readonly body: Buffer; readonly length: number } {
  if (!/^transfer-encoding: chunked/im.test(headers)) {
    const length = Number(/^content-length: (\d+)/im.exec(headers)?.[1] ?? 0);
    return { body: bytes.subarray(0, length), length };
  }
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const [line = '', digits] =
      /^([0-9a-f]+)\r\n/i.exec(bytes.subarray(at, at + 16).toString('latin1')) ?? [];
    if (digits === undefined) throw new Error('the server wrote a broken chunk');
    const size = Number.parseInt(digits, 16);
    const start = at + line.length;
    chunks.push(bytes.subarray(start, start + size));
    at = start + size + 2;
    if (size === 0) return { body: Buffer.concat(chunks), length: at };
  }
}
