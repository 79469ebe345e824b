import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Accepted } from './invariants.js';
import type { RookeryProcess } from './rookery-process.js';
import { randomFrom } from './storm-plan.js';

/** A request that a killed process may never answer is given up after this long, in ms. */
const ANSWER_MS = 20_000;
/** Between two requests of a client, in ms. */
const PACE_MS = 60;
/** Before the next try at a process that is away, in ms. */
const AWAY_MS = 100;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * Clients that enqueue, cancel and retry jobs over REST at whatever process is the submitter's at the moment, and write down what they were
 * told was accepted. A request that got no answer is repeated if it has an `Idempotency-Key`, and else forgotten: nobody was told of it.
 */
export class StormSubmitter {
  readonly accepted: Accepted[] = [];
  /** Answers that were neither a success, nor a refusal that the storm explains. */
  readonly surprises: string[] = [];
  /** Batches that were made and sealed. */
  batches = 0;
  /** Cancels and retries by hand that were accepted. */
  readonly byHand = { cancel: 0, retry: 0 };
  private readonly stopping = new AbortController();
  private readonly clients: Promise<void>[] = [];

  constructor(
    private readonly process: () => RookeryProcess,
    private readonly seed: number,
  ) {}

  start(): void {
    const works = [
      (random: () => number) => this.one(random),
      (random: () => number) => this.keyed(random),
      (random: () => number) => this.many(random),
      (random: () => number) => this.batch(random),
      (random: () => number) => this.changeByHand(random),
    ];
    for (const [index, work] of works.entries())
      this.clients.push(this.client(work, randomFrom(this.seed + index)));
  }

  /** Resolves when every request is answered or given up. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.clients);
  }

  private async client(work: (random: () => number) => Promise<void>, random: () => number): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await work(random);
      await pause(PACE_MS);
    }
  }

  private async one(random: () => number): Promise<void> {
    const answer = await this.send('/job', aJob(random));
    if (answer) this.take(answer, idsOf(answer.body));
  }

  private async keyed(random: () => number): Promise<void> {
    const idempotencyKey = randomUUID();
    const job = aJob(random);
    for (;;) {
      const answer = await this.send('/job', job, { 'idempotency-key': idempotencyKey });
      if (answer && answer.status < 300) {
        this.take(answer, idsOf(answer.body), idempotencyKey);
        // A second request for a key that is known must meet the same job.
        if (random() < 0.8) return;
      }
      if ((answer && answer.status < 500) || this.stopping.signal.aborted) return;
      await pause(AWAY_MS);
    }
  }

  private async many(random: () => number): Promise<void> {
    const answer = await this.send(
      '/job/bulk?onDuplicate=skip',
      Array.from({ length: 1 + Math.floor(random() * 8) }, () => aJob(random)),
    );
    if (answer) this.take(answer, idsOf(answer.body));
  }

  private async batch(random: () => number): Promise<void> {
    const key = randomUUID();
    const items = Array.from({ length: 1 + Math.floor(random() * 6) }, () => aPayload(random));
    const body = { name: 'storm', items, key, onComplete: { name: 'storm', payload: { ms: 1 } } };
    for (;;) {
      const answer = await this.send('/batch', body);
      if (answer && answer.status < 300) this.batches++;
      if (answer) this.take(answer, []);
      if ((answer && answer.status < 500) || this.stopping.signal.aborted) return;
      await pause(AWAY_MS);
    }
  }

  /**
   * Cancels a job, retries it, and does so again, at whatever it is doing by then. Of a type of its own, for of a type of which a job was
   * retried by hand the checker cannot tell whether a charge is missing.
   */
  private async changeByHand(random: () => number): Promise<void> {
    const answer = await this.send('/job', {
      name: 'work',
      payload: { ms: Math.floor(random() * 800), failures: random() < 0.5 ? 9 : 0 },
      maxAttempts: 2,
      ...(random() < 0.3 && { delay: '500ms' }),
    });
    if (!answer) return;
    const ids = idsOf(answer.body);
    this.take(answer, ids);
    for (const id of ids) {
      for (const change of ['cancel', 'retry', 'cancel', 'retry'] as const) {
        if (this.stopping.signal.aborted) return;
        await pause(random() * 500);
        const changed = await this.send(`/job/${id}/${change}`, {});
        if (changed) this.take(changed, []);
        if (changed && changed.status < 300) this.byHand[change]++;
      }
    }
  }

  private take({ status, body }: Answer, ids: readonly string[], idempotencyKey?: string): void {
    if (status < 300) {
      for (const id of ids)
        this.accepted.push({ id, ...(idempotencyKey !== undefined && { idempotencyKey }) });
    } else if (status !== 503 && status !== 409) {
      this.surprises.push(`${status} ${JSON.stringify(body)}`);
    }
  }

  /** Undefined when nothing was answered. */
  private async send(
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer | undefined> {
    try {
      const response = await fetch(`${await this.process().ready()}${path}`, {
        method: 'POST',
        signal: AbortSignal.timeout(ANSWER_MS),
        headers: { connection: 'close', 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      await pause(AWAY_MS);
      return undefined;
    }
  }
}

function idsOf(body: unknown): readonly string[] {
  const { id, ids } = body as { readonly id?: string; readonly ids?: readonly string[] };
  return ids ?? (id === undefined ? [] : [id]);
}

/** Jobs of every kind of outcome, some of one objectId. */
function aJob(random: () => number): object {
  const dice = random();
  return {
    name: 'storm',
    payload: aPayload(random),
    ...(dice < 0.1 && { objectId: `o${Math.floor(random() * 50)}` }),
    ...(dice > 0.9 && { delay: '500ms' }),
    // Too short for what it does: each of its attempts is timed out.
    ...(dice > 0.4 && dice < 0.45 && { payload: { ms: 5_000 }, timeout: '100ms', maxAttempts: 2 }),
    ...(dice > 0.5 && dice < 0.6 && { maxAttempts: 1 }),
    ...(dice > 0.6 && dice < 0.7 && { lane: random() < 0.5 ? 'high' : 'low' }),
  };
}

function aPayload(random: () => number): object {
  const dice = random();
  if (dice < 0.1) return { ms: 5, failures: 2 };
  if (dice < 0.2) return { ms: 5, snoozes: 2 };
  if (dice < 0.3) return { ms: 1_500 };
  if (dice < 0.4) return { ms: 10, children: 2 };
  return { ms: Math.floor(random() * 100) };
}
