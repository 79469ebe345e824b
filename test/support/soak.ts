import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool, type QueryResultRow } from 'pg';
import { Agent, request } from 'undici';
import { nothingIsOpen } from './fault-load.js';
import { breachesOf, type Accepted, type Breach } from './invariants.js';
import type { RookeryProcess } from './rookery-process.js';
import type { RookeryScene } from './rookery-scene.js';
import { heldBy, middle, type Sample } from './soak-figures.js';

/** As many connections; each client has one request under way. */
const CLIENTS = 8;
/** Jobs that one round of a client makes: those of its bulk request, then one by one. */
const BULK = 10;
const SINGLES = 10;
/** After the load: the jobs that failed back off and run once more. */
const CALM_MS = 60_000;

/** How a soak feeds its process. */
export interface Feed {
  readonly forMs: number;
  /** Rounds of all clients together; as many as it takes when absent. */
  readonly roundsPerSecond?: number;
}

/** One process of everything on its embedded server, clients that feed it over REST, and what they were told. */
export class Soak {
  readonly accepted: Accepted[] = [];
  /** Answers that were no success: nothing is broken here, so there must be none. */
  readonly surprises: string[] = [];
  readonly samples: Sample[] = [];
  private readonly agent = new Agent({ connections: CLIENTS });
  private readonly answersMs: number[] = [];
  private readonly endsMs: number[] = [];
  private url = '';
  private process: RookeryProcess | undefined;
  private pool: Pool | undefined;

  /** `hoardKib` makes one job of each round keep so much of the heap, and a file. */
  constructor(
    private readonly scene: RookeryScene,
    private readonly hoardKib?: number,
  ) {}

  async open(): Promise<void> {
    // What handlers write is held against the tables in other tests; here it would be gigabytes.
    this.process = this.scene.start(['--entry', 'all', '--concurrency', '50'], { OUTBOX: '/dev/null' });
    this.url = await this.process.ready();
    this.pool = new Pool({ connectionString: await this.scene.databaseUrl(), max: 1 });
    this.pool.on('error', () => undefined);
  }

  async close(): Promise<void> {
    await this.agent.close();
    await this.pool?.end();
    await this.process?.stop();
  }

  readonly query = async <Row extends QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Row[]> => {
    if (!this.pool) throw new Error('the soak is not open');
    return (await this.pool.query<Row>(text, [...values])).rows;
  };

  /** Rounds a second, as fast as clients and process can for so long, until nothing is open. */
  async capacity(forMs: number): Promise<number> {
    const before = this.accepted.length;
    const startedAt = performance.now();
    await this.feed({ forMs });
    await nothingIsOpen(this.query, CALM_MS);
    const seconds = (performance.now() - startedAt) / 1_000;
    return (this.accepted.length - before) / (BULK + SINGLES) / seconds;
  }

  /** Feeds the process and takes a sample every so many ms; then waits until nothing is open. */
  async run(feed: Feed, everyMs: number): Promise<void> {
    const over = new AbortController();
    const sampling = this.takeSamples(everyMs, over.signal);
    await Promise.all([sampling, this.feed(feed).finally(() => over.abort())]);
    await nothingIsOpen(this.query, CALM_MS);
  }

  /** What is broken, and what is wrong with the sums, when nothing is open. */
  async breaches(): Promise<Breach[]> {
    return breachesOf(this.query, this.accepted, { isOver: true });
  }

  /** How many jobs ended in each state. */
  async ended(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.query<{ status: string; count: number }>(
      'SELECT status, count(*)::int AS count FROM job GROUP BY 1 ORDER BY 1',
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  private async feed({ forMs, roundsPerSecond }: Feed): Promise<void> {
    const paceMs = roundsPerSecond === undefined ? 0 : (CLIENTS / roundsPerSecond) * 1_000;
    const startedAt = performance.now();
    const client = async (number: number): Promise<void> => {
      // Spread over the pace, so that they do not come all at once.
      for (let dueAt = startedAt + (paceMs * number) / CLIENTS; dueAt < startedAt + forMs;) {
        await pause(Math.max(0, dueAt - performance.now()));
        await this.round();
        dueAt = paceMs === 0 ? performance.now() : dueAt + paceMs;
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  }

  /** Of twenty jobs three fail once and one fails for good; one is sent with an Idempotency-Key, one is waited for, one is delayed. */
  private async round(): Promise<void> {
    const bulk = Array.from({ length: BULK }, () => work({ ms: 2 }));
    bulk[1] = work({ ms: 2, failures: 1 });
    bulk[2] = work({ ms: 2, failures: 1 });
    bulk[3] = { ...work({ ms: 2 }), delay: '1s' };
    if (this.hoardKib !== undefined) bulk[4] = { name: 'hoard', payload: { kib: this.hoardKib } };
    await this.enqueue('/job/bulk', bulk);
    for (let single = 2; single < SINGLES; single++) {
      const failing = single === 2 ? { ...work({ ms: 1, failures: 9 }), maxAttempts: 2 } : undefined;
      const retried = single === 3 ? work({ ms: 1, failures: 1 }) : undefined;
      await this.timed(this.answersMs, () => this.enqueue('/job', failing ?? retried ?? work({ ms: 1 })));
    }
    await this.enqueue('/job', work({ ms: 1 }), randomUUID());
    await this.timed(this.endsMs, async () => {
      const [id] = await this.enqueue('/job', work({ ms: 1 }));
      await this.send('GET', `/job/${id}/status?wait=10s`);
    });
  }

  private async enqueue(path: string, body: object, idempotencyKey?: string): Promise<readonly string[]> {
    const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
    const answer = (await this.send('POST', path, body, headers)) as { id?: string; ids?: string[] };
    const ids = answer.ids ?? (answer.id === undefined ? [] : [answer.id]);
    for (const id of ids) this.accepted.push({ id, ...(idempotencyKey !== undefined && { idempotencyKey }) });
    return ids;
  }

  private async send(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const answer = await request(`${this.url}${path}`, {
      method,
      dispatcher: this.agent,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const said = await answer.body.json();
    if (answer.statusCode >= 300) this.surprises.push(`${answer.statusCode} ${path} ${JSON.stringify(said)}`);
    return said;
  }

  private async timed(times: number[], act: () => Promise<unknown>): Promise<void> {
    const startedAt = performance.now();
    await act();
    times.push(performance.now() - startedAt);
  }

  private async takeSamples(everyMs: number, over: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    for (let dueAt = startedAt + everyMs; ; dueAt += everyMs) {
      await pause(Math.max(0, dueAt - performance.now()), undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      this.samples.push(await this.sample(performance.now() - startedAt));
    }
  }

  private async sample(atMs: number): Promise<Sample> {
    const metrics = await request(`${this.url}/metrics`, { dispatcher: this.agent });
    const held = heldBy(await metrics.body.text());
    const [found] = await this.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    const [answerMs, endMs] = [middle(this.answersMs), middle(this.endsMs)];
    this.answersMs.length = 0;
    this.endsMs.length = 0;
    return { atMs, ...held, connections: found?.count ?? Number.NaN, answerMs, endMs };
  }
}

function work(payload: object): object {
  return { name: 'work', payload };
}
