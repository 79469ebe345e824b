import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IdGenerator } from '../../src/kernel/ids.js';
import {
  batchesOf,
  insertBatch,
  sealBatch,
  type AnnouncerParts,
  type NewBatch,
} from '../../src/modules/job/index.js';
import { offerTickets } from '../../src/modules/job/offer-tickets.js';
import { BatchCloser } from '../../src/modules/scheduler/duties/batch-closer.js';
import { InProcessTransport } from '../../src/modules/transport/in-process/in-process-transport.js';
import { TableOnlyTransport } from '../../src/modules/transport/table-only/table-only-transport.js';
import type { Transport } from '../../src/modules/transport/index.js';
import { eventually } from '../support/eventually.js';
import { JobTables } from '../support/job-tables.js';

let tables: JobTables;
let transport: Transport;
let heard: string[];

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());
beforeEach(async () => {
  await tables.query({ name: 'clear', text: 'TRUNCATE batch, job, counter_delta' }, []);
  transport = new InProcessTransport({ clock: tables.database.clock });
  await transport.start();
  heard = [];
  transport.subscribe('fin', ({ batchId }) => heard.push(batchId));
});

/** What it works with; jobs that it stores are offered and not counted. */
const partsOver = (over: Transport): AnnouncerParts => ({
  database: tables.database,
  transport: over,
  enqueuer: { stored: (jobs) => offerTickets(over, jobs) },
});

const run = async (over: Transport = transport): Promise<void> => {
  const closer = new BatchCloser(partsOver(over));
  closer.begin();
  while (await closer.runOnce(tables.step));
};

/** A batch with members in these states, made an hour ago. */
async function batchWith(
  statuses: readonly ('waiting' | 'executing' | 'done')[],
  given: Partial<NewBatch> = {},
): Promise<string> {
  const id = new IdGenerator({ now: () => tables.database.clock.now() - 3_600_000 }).next();
  const batch = { id, name: 'job', queue: 'q', deadlineMs: 3_600_000, isDeadlineDefault: true, ...given };
  await insertBatch(tables.query, batch);
  const rows = statuses.map((status) => ({
    queue: 'q',
    status,
    agoMs: 1_800_000,
    ...(status !== 'waiting' && { workerId: id, run: 1 }),
  }));
  const members = await tables.insert(rows);
  await tables.query({ name: 'join', text: 'UPDATE job SET batch_id = $1 WHERE id = ANY ($2)' }, [
    id,
    members,
  ]);
  const text = `UPDATE batch SET total = $2, done = $3 WHERE id = $1`;
  await tables.query({ name: 'count', text }, [
    id,
    statuses.length,
    statuses.filter((status) => status === 'done').length,
  ]);
  return id;
}

const isPage = (answer: unknown): answer is { readonly ids: readonly string[] } =>
  typeof answer === 'object' && answer !== null && 'ids' in answer;

const viewOf = async (id: string) => (await batchesOf(tables.query, [id]))[0];
const statesOf = async (id: string): Promise<unknown[]> =>
  (
    await tables.query<{ status: string }>(
      { name: 'states', text: 'SELECT status FROM job WHERE batch_id = $1 ORDER BY id' },
      [id],
    )
  ).map(({ status }) => status);

describe('an open batch past its deadline', () => {
  it('is sealed, its waiting members are canceled, and its executing ones go on', async () => {
    const id = await batchWith(['done', 'waiting', 'executing', 'waiting'], { deadlineMs: -1 });
    await run();
    expect((await statesOf(id)).sort()).toEqual(['canceled', 'canceled', 'done', 'executing']);
    expect(await viewOf(id)).toMatchObject({ canceled: 2, done: 1, completedAt: null });
    expect((await viewOf(id))?.sealedAt).not.toBeNull();
  });

  it('leaves a member alone that a worker takes between the look for waiting ones and their cancel', async () => {
    const id = await batchWith(['waiting'], { deadlineMs: -1 });
    const take = `UPDATE job SET status = 'executing', worker_id = $1, run = 1, started_at = now()
                   WHERE batch_id = $1 AND status = 'waiting' RETURNING id`;
    let taken = 0;
    const closer = new BatchCloser(partsOver(transport));
    closer.begin();
    await closer.runOnce(async (work) => {
      const answer = await tables.step(work);
      if (isPage(answer) && answer.ids.length > 0)
        taken += (await tables.query({ name: 'take', text: take }, [id])).length;
      return answer;
    });
    expect(taken).toBe(1);
    const asked = 'SELECT cancel_requested_at FROM job WHERE batch_id = $1';
    expect(await tables.query({ name: 'asked', text: asked }, [id])).toEqual([{ cancel_requested_at: null }]);
  });

  it('is complete when it has nothing left to run', async () => {
    const id = await batchWith(['done', 'waiting'], { deadlineMs: -1 });
    await run();
    expect((await viewOf(id))?.completedAt).not.toBeNull();
    await eventually(() => heard.includes(id));
  });

  it('before its deadline stays open', async () => {
    const id = await batchWith(['done', 'waiting']);
    await run();
    expect(await viewOf(id)).toMatchObject({ sealedAt: null, canceledAt: null });
  });
});

describe('a sealed batch', () => {
  it('has all the time it takes, unless it was given a deadline', async () => {
    const patient = await batchWith(['waiting']);
    const strict = await batchWith(['waiting'], { isDeadlineDefault: false });
    for (const id of [patient, strict]) await sealBatch(tables.query, id);
    await tables.query(
      { name: 'late', text: `UPDATE batch SET deadline_at = deadline_at - interval '2 h'` },
      [],
    );
    await run();
    expect(await statesOf(patient)).toEqual(['waiting']);
    expect(await statesOf(strict)).toEqual(['canceled']);
  });
});

describe('fin', () => {
  it('is told again while nobody has noted that it was, and then no more', async () => {
    const id = await batchWith(['done']);
    await sealBatch(tables.query, id);
    await run();
    await eventually(() => heard.length > 0);
    await run();
    expect(heard).toEqual([id]);
  });

  it('is given up a minute after the end where no message gets through', async () => {
    const id = await batchWith(['done']);
    await sealBatch(tables.query, id);
    await run(new TableOnlyTransport());
    expect(await viewOf(id)).toMatchObject({ finAt: null });
    await tables.query(
      { name: 'old', text: `UPDATE batch SET completed_at = now() - interval '2 minutes'` },
      [],
    );
    await run(new TableOnlyTransport());
    expect((await viewOf(id)) as { finAt?: Date | null }).not.toMatchObject({ finAt: null });
  });
});
