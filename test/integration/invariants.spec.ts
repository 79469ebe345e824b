import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OutboxLine } from '../fixtures/workload/outbox.js';
import { breachesOf, inWords, type Breach, type CheckOptions } from '../support/invariants.js';
import { idAgo, JobTables, type JobRow } from '../support/job-tables.js';

const HOUR_MS = 3_600_000;

/** What the jobs of the sound database are, each with its runs: the first worker's process has pid 11, the second's 12. */
const JOBS = {
  done: { status: 'done', runs: ['lost', 'succeeded'] },
  waiting: { status: 'waiting', runs: [] },
  backingOff: { status: 'waiting', runs: ['failed'], dueAgoMs: -HOUR_MS },
  snoozing: { status: 'waiting', runs: ['snoozed'], dueAgoMs: -HOUR_MS },
  executing: { status: 'executing', runs: ['interrupted', 'under way'] },
  failed: { status: 'failed', runs: ['failed', 'lost', 'failed'] },
  canceled: { status: 'canceled', runs: ['canceled'] },
  firstMember: { status: 'done', runs: ['succeeded'] },
  secondMember: { status: 'canceled', runs: [] },
  following: { status: 'waiting', runs: [], dueAgoMs: 0 },
  fired: { status: 'done', runs: ['succeeded'] },
  firedNext: { status: 'done', runs: ['succeeded'] },
} as const satisfies Record<string, JobRow & { readonly runs: readonly string[] }>;

type Name = keyof typeof JOBS;

const REFUNDED: readonly string[] = ['interrupted', 'snoozed'];

let tables: JobTables;
let ids: Record<Name, string>;
let workers: readonly [string, string];
let batch: string;
let outbox: OutboxLine[];
/** When each handler of the sound database did what it tells. */
const AT = 1_000_000;

const query = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
  return tables.test.query(text, values);
};

const tellBegin = (id: string, run: number, pid: number, at = AT): void =>
  void outbox.push({ id, run, event: 'begin', pid, at });

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

beforeEach(async () => {
  await query('TRUNCATE job, job_key, worker, queue, batch, schedule, schedule_fire, counter_delta');
  await putJobs();
  await putBatch();
  await putSchedule();
  await query(`INSERT INTO job_key (key, job_id) VALUES ('idempotency:once', $1), ('dedupe:send:x', $2)`, [
    ids.done,
    ids.waiting,
  ]);
  await query(`UPDATE job SET object_id = 'x' WHERE id = $1`, [ids.waiting]);
  await recount();
});

async function putJobs(): Promise<void> {
  const names = Object.keys(JOBS) as Name[];
  workers = [await tables.insertWorker({ pid: 11 }), await tables.insertWorker({ pid: 12, id: idAgo(1) })];
  const made = await tables.insert(
    names.map((name, index) => {
      const { runs, ...row } = JOBS[name];
      const charged = runs.filter((outcome) => !REFUNDED.includes(outcome)).length;
      return { ...row, agoMs: 10_000 - index, run: runs.length, attempt: charged, ...rowsWorker(runs) };
    }),
  );
  ids = Object.fromEntries(names.map((name, index) => [name, made[index]])) as Record<Name, string>;
  outbox = [];
  for (const name of names) await putRuns(ids[name], JOBS[name].runs);
}

/** Runs alternate between the workers, so that the last of two is the second's. */
function rowsWorker(runs: readonly string[]): { workerId?: string } {
  return runs.length === 0 ? {} : { workerId: workers[runs.length % 2 === 0 ? 1 : 0] };
}

async function putRuns(id: string, runs: readonly string[]): Promise<void> {
  let attempt = 0;
  const history = runs.flatMap((outcome, index) => {
    const run = index + 1;
    const isSecond = run % 2 === 0;
    const pid = isSecond ? 12 : 11;
    attempt++;
    tellBegin(id, run, pid);
    if (outcome === 'succeeded') outbox.push({ id, run, event: 'end', pid, at: AT });
    const entry = { run, attempt, outcome, worker: workers[isSecond ? 1 : 0] };
    if (REFUNDED.includes(outcome)) attempt--;
    return outcome === 'succeeded' || outcome === 'under way' ? [] : [entry];
  });
  if (history.length > 0)
    await query('UPDATE job SET history = $2 WHERE id = $1', [id, JSON.stringify(history)]);
}

async function putBatch(): Promise<void> {
  batch = idAgo(20_000);
  await query(
    `INSERT INTO batch (id, name, queue, is_deadline_default, total, done, canceled, sealed_at, completed_at, completion_id, on_complete)
     VALUES ($1, 'send', 'mail', true, 2, 1, 1, now(), now(), $2, '{"queue": "mail", "name": "send"}')`,
    [batch, ids.following],
  );
  await query('UPDATE job SET batch_id = $1 WHERE id = ANY ($2)', [
    batch,
    [ids.firstMember, ids.secondMember],
  ]);
  await query(
    `UPDATE job SET payload = jsonb_build_object('batch', jsonb_build_object('id', $1::text)) WHERE id = $2`,
    [batch, ids.following],
  );
}

async function putSchedule(): Promise<void> {
  await query(
    `INSERT INTO schedule (name, source, every_ms, job, payload, catch_up, anchor_at, last_fire_at)
     VALUES ('tick', 'api', 1000, 'send', '{}', '{"all": 10}', '2026-01-01', '2026-01-01 00:00:02')`,
  );
  await query(
    `INSERT INTO schedule_fire (schedule, fire_at, job_id) VALUES ('tick', '2026-01-01 00:00:01', $1), ('tick', '2026-01-01 00:00:02', $2)`,
    [ids.fired, ids.firedNext],
  );
  await query(`UPDATE job SET schedule = 'tick' WHERE id = ANY ($1)`, [[ids.fired, ids.firedNext]]);
}

/** Has the counters say what is in the table. */
async function recount(): Promise<void> {
  await query('DELETE FROM counter_delta');
  await query(
    `INSERT INTO counter_delta (queue, name, enqueued, claimed, returned, done, failed, canceled, canceled_waiting)
     SELECT queue, name, count(*), sum(run), sum(run) - count(*) FILTER (WHERE run > 0 AND status <> 'waiting'),
            count(*) FILTER (WHERE status = 'done'), count(*) FILTER (WHERE status = 'failed'),
            count(*) FILTER (WHERE status = 'canceled' AND run > 0), count(*) FILTER (WHERE status = 'canceled' AND run = 0)
       FROM job GROUP BY queue, name`,
  );
}

function check(options: CheckOptions = {}): Promise<Breach[]> {
  const accepted = Object.values(ids).map((id) => ({
    id,
    ...(id === ids.done && { idempotencyKey: 'once' }),
  }));
  return breachesOf(query, accepted, { outbox, dedupe: { send: HOUR_MS }, ...options });
}

it('finds nothing in a sound database, whatever its jobs wait for or have ended as', async () => {
  expect(await check()).toEqual([]);
});

/** A breach, and what is reported of it. */
interface Planted {
  readonly title: string;
  plant(): Promise<unknown> | void;
  readonly options?: CheckOptions;
  readonly rule: Breach['rule'];
  readonly says: RegExp;
}

const set = (name: () => string, change: string): Promise<unknown> =>
  query(`UPDATE job SET ${change} WHERE id = '${name()}'`);

const PLANTED: readonly Planted[] = [
  {
    title: 'an accepted job that is gone',
    plant: async () => {
      await query('DELETE FROM job WHERE id = $1', [ids.canceled]);
      outbox = outbox.filter(({ id }) => id !== ids.canceled);
    },
    rule: 'accepted',
    says: /was accepted and is not there/,
  },
  {
    title: 'an Idempotency-Key that names another job than the caller was told',
    plant: () => query(`UPDATE job_key SET job_id = $1 WHERE key = 'idempotency:once'`, [ids.waiting]),
    rule: 'idempotency',
    says: /Idempotency-Key once was answered with job .*, and names /,
  },
  {
    title: 'a run that is twice in the history',
    plant: () => set(() => ids.failed, 'history = history || (history -> 2)'),
    rule: 'record',
    says: /is failed in run 3, and its history has the runs \{1,2,3,3\}/,
  },
  {
    title: 'a run that ended without a trace',
    plant: () => set(() => ids.failed, 'history = history - 1'),
    rule: 'record',
    says: /runs \{1,3\}/,
  },
  {
    title: 'an outcome of a stale attempt: recorded for a worker whose run it was not',
    plant: async () => {
      await set(() => ids.canceled, `worker_id = '${workers[1]}'`);
    },
    rule: 'worker',
    says: /run 1 was recorded by worker .*, and belonged to /,
  },
  {
    title: 'a worker nobody knows',
    plant: async () => {
      const stranger = idAgo(5);
      await set(
        () => ids.backingOff,
        `worker_id = '${stranger}', history = jsonb_set(history, '{0,worker}', '"${stranger}"')`,
      );
      outbox = outbox.filter(({ id }) => id !== ids.backingOff);
    },
    rule: 'worker',
    says: /worker .* is unknown/,
  },
  {
    title: 'an attempt beyond the limit',
    plant: () => set(() => ids.failed, 'max_attempts = 2'),
    rule: 'attempts',
    says: /charged 3 attempts of 2 in 3 runs/,
  },
  {
    title: 'a snooze that was charged',
    plant: () => set(() => ids.snoozing, 'attempt = 1'),
    rule: 'attempts',
    says: /charged 1 attempts of 3 in 1 runs, 1 of them taken back/,
  },
  {
    title: 'a lost run that was not charged',
    plant: () => set(() => ids.done, 'attempt = 1'),
    rule: 'attempts',
    says: /charged 1 attempts of 3 in 2 runs/,
  },
  {
    title: 'an outcome that was recorded twice',
    plant: () => query(`INSERT INTO counter_delta (queue, name, done) VALUES ('mail', 'send', 1)`),
    rule: 'counters',
    says: /^send in queue mail: 5 done by the counters, 4 in the table$/m,
  },
  {
    title: 'an open job behind the watermark without due_at',
    plant: () => query(`UPDATE queue SET watermark = $1`, [ids.waiting]),
    rule: 'findable',
    says: /is waiting, behind its queue's watermark/,
  },
  {
    title: 'a key of a job that is not there',
    plant: () => query(`INSERT INTO job_key (key, job_id) VALUES ('dedupe:send:y', $1)`, [idAgo(0)]),
    rule: 'keys',
    says: /key dedupe:send:y is held by job .*, which is not there/,
  },
  {
    title: 'two jobs of one objectId within the window',
    plant: () => set(() => ids.backingOff, `object_id = 'x'`),
    rule: 'dedupe',
    says: /are both for 'x', \d+ ms apart within a window of 3600000 ms/,
  },
  {
    title: 'two open jobs of one objectId where none may join an open one',
    plant: () => set(() => ids.backingOff, `object_id = 'x'`),
    options: { dedupe: { send: 'until finished' } },
    rule: 'dedupe',
    says: /are open and all for 'x'/,
  },
  {
    title: 'an objectId twice in a batch',
    plant: () =>
      query(`UPDATE job SET object_id = 'y' WHERE id = ANY ($1)`, [[ids.firstMember, ids.secondMember]]),
    options: { dedupe: {} },
    rule: 'dedupe',
    says: /are members of batch .* and all for 'y'/,
  },
  {
    title: 'a fire without its job',
    plant: () =>
      query(
        `INSERT INTO schedule_fire (schedule, fire_at, job_id, is_manual) VALUES ('tick', '2025-01-01', $1, true)`,
        [idAgo(0)],
      ),
    rule: 'schedule',
    says: /schedule tick fired at .* with job .*, which is not there/,
  },
  {
    title: 'a job of a schedule that no fire has made',
    plant: () => set(() => ids.done, `schedule = 'tick'`),
    rule: 'schedule',
    says: /of schedule tick belongs to 0 fires/,
  },
  {
    title: 'a nominal time that was left out',
    plant: async () => {
      await query(`UPDATE schedule_fire SET fire_at = '2026-01-01 00:00:03' WHERE job_id = $1`, [
        ids.firedNext,
      ]);
      await query(`UPDATE schedule SET last_fire_at = '2026-01-01 00:00:03'`);
    },
    rule: 'schedule',
    says: /fired at .*01.* and next at .*03.*, with 1000 ms between its times/,
  },
  {
    title: 'a fire that the schedule does not know of',
    plant: () => query(`UPDATE schedule SET last_fire_at = '2026-01-01 00:00:01'`),
    rule: 'schedule',
    says: /says it fired last at .*01.*, and did at .*02/,
  },
  {
    title: 'a member that a batch has counted twice',
    plant: () => query('UPDATE batch SET total = 3, done = 2'),
    rule: 'batch',
    says: /counts 3 members: 2 done, 0 failed, 1 canceled; it has 2: 1, 0, 1/,
  },
  {
    title: 'a batch that is all in and not complete',
    plant: () => query('UPDATE batch SET completed_at = NULL, on_complete = NULL'),
    rule: 'batch',
    says: /is sealed with all members in, and not complete/,
  },
  {
    title: 'a batch that is complete before it was sealed',
    plant: () => query('UPDATE batch SET sealed_at = NULL'),
    rule: 'batch',
    says: /is complete and not sealed/,
  },
  {
    title: 'a batch that completed while a member was open',
    plant: async () => {
      await set(() => ids.waiting, `batch_id = '${batch}'`);
      await query('UPDATE batch SET total = 3');
    },
    rule: 'batch',
    says: /is complete while members are open/,
  },
  {
    title: 'a batch that completed twice',
    plant: () => set(() => ids.waiting, `payload = (SELECT payload FROM job WHERE id = '${ids.following}')`),
    rule: 'batch',
    says: /has 2 onComplete jobs, 1 of them its own/,
  },
  {
    title: 'a run that began twice',
    plant: () => tellBegin(ids.done, 2, 11),
    rule: 'outbox',
    says: /run 2, attempt \d+, began 2 times, in \d+ and \d+; /,
  },
  {
    title: 'a run that its record does not know',
    plant: () => tellBegin(ids.done, 3, 11),
    rule: 'outbox',
    says: /run 3 began, which its record does not know/,
  },
  {
    title: 'an outcome for a process that did not have the run',
    plant: () => {
      outbox = outbox.map((line) => (line.id === ids.canceled ? { ...line, pid: 12 } : line));
    },
    rule: 'outbox',
    says: /run 1 is recorded \(canceled\) for process 11, and began in 12/,
  },
  {
    title: 'a success that no handler came to',
    plant: () => {
      outbox = outbox.filter(({ id, event }) => !(id === ids.done && event === 'end'));
    },
    rule: 'outbox',
    says: /no handler of process 12 came to the end of its last run/,
  },
  {
    title: 'a handler of a job that is not there',
    plant: () => tellBegin(idAgo(0), 1, 11),
    rule: 'outbox',
    says: /a handler ran job .*, which is not there/,
  },
];

describe('reports, and reports alone,', () => {
  it.each(PLANTED)('$title', async ({ plant, options, rule, says }) => {
    await plant();
    if (rule !== 'counters') await recount();
    const breaches = await check(options);
    expect(new Set(breaches.map((breach) => breach.rule)), inWords(breaches)).toEqual(new Set([rule]));
    expect(breaches.map(({ what }) => what).join('\n')).toMatch(says);
  });

  it('the jobs that are open, once all should have ended', async () => {
    const open = [ids.waiting, ids.backingOff, ids.snoozing, ids.executing, ids.following];
    const breaches = await check({ isOver: true });
    expect(breaches.map(({ rule }) => rule)).toEqual(open.map(() => 'open'));
    for (const id of open) expect(breaches.filter(({ what }) => what.includes(id))).toHaveLength(1);
  });
});

describe('of a complete batch with a member that is open', () => {
  /** Has the counters say of a run of that type which was given back that it failed, and that its job was retried by hand. */
  const retriedByHand = (name: string): Promise<unknown> =>
    query(
      `INSERT INTO counter_delta (queue, name, returned, failed, reopened_failed) VALUES ('mail', $1, -1, 1, 1)`,
      [name],
    );

  beforeEach(async () => {
    await set(() => ids.waiting, `batch_id = '${batch}'`);
    await query('UPDATE batch SET total = 3');
    await set(() => ids.backingOff, `name = 'other'`);
    await recount();
  });

  it('finds nothing when one of its type was retried by hand', async () => {
    await retriedByHand('send');
    expect(await check()).toEqual([]);
  });

  it('reports it when only others were', async () => {
    await retriedByHand('other');
    expect((await check()).map(({ rule }) => rule)).toEqual(['batch']);
  });
});

it('allows a first attempt to begin again after a crash of the database that may have forgotten its claim', async () => {
  tellBegin(ids.canceled, 1, 12, AT + 1_000);
  expect(await check({ crashes: [{ killedAt: AT + 500, backAt: AT + 900 }] })).toEqual([]);
  expect((await check()).map(({ rule }) => rule)).toEqual(['outbox']);
});
