import { FastifyAdapter } from '@nestjs/platform-fastify';
import fc from 'fast-check';
import { answerFrameworkError } from '../../src/index.js';
import type { OpenApiDocument } from '../../src/modules/job/index.js';
import { ApiFuzz } from './api-fuzz.js';
import { DocumentCheck, type Operation } from './document-check.js';
import { RestApp, WORKER_ID } from './rest-app.js';

/** The whole API with something in it, and requests made from its own document. */
export class FuzzScene {
  private constructor(
    readonly rest: RestApp,
    readonly check: DocumentCheck,
    readonly fuzz: ApiFuzz,
  ) {}

  static async open(): Promise<FuzzScene> {
    const rest = await RestApp.boot({
      adapter: new FastifyAdapter({ frameworkErrors: answerFrameworkError }),
    });
    const document = (await rest.get('/openapi.json')).body as unknown as OpenApiDocument;
    const check = new DocumentCheck(document);
    return new FuzzScene(rest, check, new ApiFuzz(rest.app, check, await hintsIn(rest)));
  }

  /** Every route in turn, each with its share of the inputs. Throws with what is wrong with any of them; a seed makes the same inputs each time. */
  async run(inputs: number, seed?: number): Promise<void> {
    const share = Math.ceil(inputs / this.check.operations.length);
    const complaints: string[] = [];
    for (const operation of [...this.check.operations].sort((a, b) => turnOf(a) - turnOf(b))) {
      try {
        await this.fuzz.run(operation, { inputs: share, ...(seed !== undefined && { seed }) });
      } catch (error) {
        const { message, cause } = error as Error;
        complaints.push(`${message}\n${cause instanceof Error ? cause.message : ''}`);
      }
    }
    if (complaints.length > 0) throw new Error(complaints.join('\n\n'));
  }

  /** Routes that no request so far was a success of. */
  neverSucceeded(): string[] {
    return this.check.operations
      .map(({ method, path }) => `${method} ${path}`)
      .filter((route) => !this.fuzz.met.has(`${route} 2xx`));
  }

  close(): Promise<void> {
    return this.rest.close();
  }
}

/** What ends things goes last, so that the others find something. */
function turnOf({ method, path }: Operation): number {
  if (method === 'DELETE') return 2;
  return /\/(cancel|seal|drain)$/.test(path) ? 1 : 0;
}

/** Names and ids of what is there, in every state. */
async function hintsIn(rest: RestApp) {
  const ids = [];
  for (const status of ['done', 'failed', 'canceled'] as const) {
    for (let at = 0; at < 10; at++) {
      const id = await rest.paint({ objectId: `object-${at}` });
      await rest.end(id, status);
      ids.push(id);
    }
  }
  for (let at = 0; at < 10; at++) ids.push(await rest.paint());
  await rest.send('PUT', '/schedule/nightly', JSON.stringify({ cron: '0 2 * * *', job: 'paint' }), {
    'content-type': 'application/json',
  });
  await rest.database.query(
    `INSERT INTO worker (id, host, pid, entry, queues, types, slots, visibility_timeout_ms, seen_at, started_at)
     VALUES ($1, 'vm', 1, 'worker', '{mail}', '{greet}', '{"total":1,"busy":0,"stuck":0}', 86400000, now(), now())`,
    [WORKER_ID],
  );
  const executing = await rest.paint();
  await rest.claim(executing);
  const batches = [];
  for (const open of [true, true, false]) {
    const { body } = await rest.post('/batch', { name: 'paint', items: [1], open });
    batches.push(String(body['id']));
  }
  const types = fc.constantFrom('greet', 'paint', 'paint', 'sync', 'import');
  return {
    id: fc.constantFrom(...ids, executing, executing.toUpperCase()),
    'batch.id': fc.constantFrom(...batches),
    '?jobId': fc.subarray(ids, { maxLength: 3 }),
    '?batchId': fc.subarray(batches),
    '?queue': fc.subarray(['mail', 'default']),
    'queue.name': fc.constantFrom('mail', 'default'),
    'schedule.name': fc.constantFrom('nightly', 'hourly'),
    'worker.id': fc.constant(WORKER_ID),
    name: types,
    'PUT /schedule/{name}': fc.constantFrom(
      { cron: '0 2 * * *', job: 'paint' },
      { every: '1h', job: 'sync' },
    ),
    job: types,
    queue: fc.constantFrom('mail', 'default'),
    batchId: fc.constantFrom(...batches),
    retryOf: fc.constantFrom(...ids),
    runAt: fc.constantFrom('2020-01-01T00:00:00Z', '2026-12-31T00:00:00+01:00', '2200-01-01T00:00:00Z'),
    payload: fc.constantFrom({ to: 'you' }, {}, { to: 1 }),
    objectId: fc.constantFrom('object-1', 'object-2', 'x'),
    ids: fc.subarray([...ids, executing]),
    cron: fc.constantFrom('* * * * *', '0 2 * * *', '*/5 * * * * *', '0 0 30 2 *'),
    every: fc.constantFrom('15m', '1s', 1_000, 0),
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Mars/Phobos'),
    file: fc.constantFrom('start.js', 'nope.js'),
    jitter: fc.constantFrom('1s', '0s', '2d'),
    timeout: fc.constantFrom('1s', 'none', 5, 0),
    delay: fc.constantFrom('1s', 5, 0),
    maxAttempts: fc.integer({ min: 0, max: 1_001 }),
    deadline: fc.constantFrom('1h', '8d', '2020-01-01T00:00:00Z'),
    onComplete: fc.constantFrom(
      { name: 'paint' },
      { name: 'greet', payload: { to: 'you' } },
      { name: 'nobody' },
    ),
  };
}
