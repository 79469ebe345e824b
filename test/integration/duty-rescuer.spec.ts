import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { processStartedAt } from '../../src/kernel/process-identity.js';
import { JobRegistry, defineJob, settle } from '../../src/modules/job/index.js';
import { Rescuer } from '../../src/modules/scheduler/duties/rescuer.js';
import { idAgo, JobTables, type JobRow } from '../support/job-tables.js';

const SECOND = 1_000;
/** Longer than any contact to the database is asked for. */
const ALWAYS = Number.MAX_SAFE_INTEGER;

let tables: JobTables;
let elapsedMs: number;
let contactMs: number;
let lines: string[];
let registry: JobRegistry;

beforeAll(async () => {
  tables = await JobTables.open();
});
afterAll(() => tables.close());

beforeEach(async () => {
  await tables.test.query('TRUNCATE job, queue, worker, counter_delta');
  elapsedMs = 0;
  contactMs = ALWAYS;
  lines = [];
  registry = new JobRegistry();
});

function newRescuer({ isOneMachine = false } = {}): Rescuer {
  const take = (line: string): void => void lines.push(line);
  return new Rescuer({
    registry,
    clock: tables.database.clock,
    log: { log: take, warn: take },
    contactMs: () => contactMs,
    isOneMachine,
    announce: () => undefined,
    elapsed: () => elapsedMs,
    random: () => 0.5,
  });
}

/** Lets the rescuer do its rounds, one every two seconds of its time, for that long. */
async function watch(rescuer: Rescuer, forMs: number): Promise<void> {
  for (const endMs = elapsedMs + forMs; elapsedMs < endMs;) {
    elapsedMs += 2 * SECOND;
    while (await rescuer.runOnce(tables.step));
  }
}

async function executing(workerId: string, row: JobRow = {}): Promise<string> {
  const [id] = await tables.insert([{ status: 'executing', workerId, ...row }]);
  return id ?? '';
}

async function isLost(workerId: string): Promise<boolean> {
  const [row] = await tables.test.query<{ isLost: boolean }>(
    'SELECT lost_at IS NOT NULL AS "isLost" FROM worker WHERE id = $1',
    [workerId],
  );
  return row?.isLost ?? false;
}

describe('the rescuer', () => {
  it('returns the jobs of a worker once it has seen the same renewal for the whole visibility timeout', async () => {
    const worker = await tables.insertWorker({ seenAgoMs: 3_600 * SECOND, visibilityTimeoutMs: 30 * SECOND });
    const id = await executing(worker);
    const rescuer = newRescuer();
    await watch(rescuer, 30 * SECOND);
    expect(await isLost(worker)).toBe(false);
    expect((await tables.job(id)).status).toBe('executing');
    await watch(rescuer, 2 * SECOND);
    expect(await isLost(worker)).toBe(true);
    expect(await tables.job(id)).toMatchObject({ status: 'waiting', attempt: 1, run: 1 });
    expect(lines.join('\n')).toContain(worker);
  });

  it('never judges a worker that renews its lease', async () => {
    const worker = await tables.insertWorker({});
    const id = await executing(worker);
    const rescuer = newRescuer();
    for (let beat = 0; beat < 6; beat++) {
      await tables.renew(worker);
      await watch(rescuer, 28 * SECOND);
    }
    expect(await isLost(worker)).toBe(false);
    expect((await tables.job(id)).status).toBe('executing');
  });

  it('gives every worker the whole time again after the database was away', async () => {
    const worker = await tables.insertWorker({ seenAgoMs: 3_600 * SECOND });
    const rescuer = newRescuer();
    await watch(rescuer, 28 * SECOND);
    contactMs = 0;
    await watch(rescuer, 2 * SECOND);
    contactMs = ALWAYS;
    await watch(rescuer, 28 * SECOND);
    expect(await isLost(worker)).toBe(false);
    await watch(rescuer, 2 * SECOND);
    expect(await isLost(worker)).toBe(true);
  });

  it('gives every worker the whole time again after a look that failed', async () => {
    const worker = await tables.insertWorker({ seenAgoMs: 3_600 * SECOND });
    const rescuer = newRescuer();
    await watch(rescuer, 28 * SECOND);
    await expect(rescuer.runOnce(() => Promise.reject(new Error('no answer')))).rejects.toThrow('no answer');
    await watch(rescuer, 30 * SECOND);
    expect(await isLost(worker)).toBe(false);
    await watch(rescuer, 2 * SECOND);
    expect(await isLost(worker)).toBe(true);
  });

  it('charges a lost run, keeps it in the history, and lets the job wait as its type says', async () => {
    registry.addType(
      defineJob({
        name: 'send',
        queue: 'mail',
        payload: z.object({}),
        backoff: { initial: '60s', jitter: 'none' },
      }),
    );
    const worker = await tables.insertWorker({ isLost: true });
    const id = await executing(worker, { attempt: 2, run: 4 });
    await newRescuer().runOnce(tables.step);
    const job = await tables.job(id);
    expect(job).toMatchObject({ status: 'waiting', attempt: 2, run: 4 });
    expect(job.history).toMatchObject([
      { outcome: 'lost', worker, run: 4, attempt: 2, error: { message: expect.any(String) as string } },
    ]);
    expect((job.dueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(110 * SECOND);
  });

  it('fails a job whose last attempt was lost', async () => {
    const worker = await tables.insertWorker({ isLost: true });
    const [last, other] = [await executing(worker, { attempt: 3 }), await executing(worker, { attempt: 2 })];
    await newRescuer().runOnce(tables.step);
    expect((await tables.job(last)).status).toBe('failed');
    expect((await tables.job(other)).status).toBe('waiting');
    const [flow] = await tables.test.query(
      'SELECT sum(returned)::int AS returned, sum(failed)::int AS failed FROM counter_delta',
    );
    expect(flow).toEqual({ returned: 1, failed: 1 });
  });

  it('ends a job canceled whose cancel was wanted', async () => {
    const worker = await tables.insertWorker({ isLost: true });
    const id = await executing(worker, { isCancelRequested: true });
    await newRescuer().runOnce(tables.step);
    expect((await tables.job(id)).status).toBe('canceled');
  });

  it('finds runs of lost, stopped and unknown workers, above the watermark and below it, and leaves those of living ones', async () => {
    const lost = await tables.insertWorker({ isLost: true });
    const stopped = await tables.insertWorker({ isStopped: true });
    const alive = await tables.insertWorker({});
    const orphans = [
      await executing(lost, { agoMs: 3_600 * SECOND, dueAgoMs: 3_600 * SECOND }),
      await executing(idAgo(0), { agoMs: 3_600 * SECOND, dueAgoMs: 1_800 * SECOND }),
      await executing(stopped),
      await executing(idAgo(0), { queue: 'other' }),
    ];
    const kept = [
      await executing(alive),
      await executing(alive, { agoMs: 3_600 * SECOND, dueAgoMs: 3_600 * SECOND }),
    ];
    await tables.test.query('UPDATE queue SET watermark = $1', [idAgo(60 * SECOND)]);
    await newRescuer().runOnce(tables.step);
    for (const id of orphans) expect((await tables.job(id)).status).toBe('waiting');
    for (const id of kept) expect((await tables.job(id)).status).toBe('executing');
  });

  it('finds within a minute a job that a lost worker claimed after its loss', async () => {
    const worker = await tables.insertWorker({ isLost: true });
    const rescuer = newRescuer();
    await watch(rescuer, 2 * SECOND);
    const id = await executing(worker);
    await watch(rescuer, 58 * SECOND);
    expect((await tables.job(id)).status).toBe('executing');
    await watch(rescuer, 4 * SECOND);
    expect((await tables.job(id)).status).toBe('waiting');
  });

  it('returns the jobs of a worker it has marked lost with the next round, whatever became of the answer', async () => {
    const worker = await tables.insertWorker({ seenAgoMs: 3_600 * SECOND });
    const id = await executing(worker);
    const rescuer = newRescuer();
    await watch(rescuer, 30 * SECOND);
    elapsedMs += 2 * SECOND;
    let steps = 0;
    const losing: typeof tables.step = async (work) => {
      const answer = await tables.step(work);
      // The first reads the leases, the second marks.
      if (++steps === 2) throw new Error('the answer was lost');
      return answer;
    };
    await expect(rescuer.runOnce(losing)).rejects.toThrow('the answer was lost');
    expect(await isLost(worker)).toBe(true);
    expect((await tables.job(id)).status).toBe('executing');
    await watch(rescuer, 2 * SECOND);
    expect((await tables.job(id)).status).toBe('waiting');
  });

  it('returns thousands of runs in bounded steps', async () => {
    const worker = await tables.insertWorker({ isLost: true });
    await tables.insert(
      Array.from({ length: 3_000 }, () => ({ status: 'executing' as const, workerId: worker })),
    );
    const rescuer = newRescuer();
    while (await rescuer.runOnce(tables.step));
    const rows = await tables.test.query('SELECT status, count(*)::int AS count FROM job GROUP BY status');
    expect(rows).toEqual([{ status: 'waiting', count: 3_000 }]);
  });

  it.each(['job', 'batch'] as const)(
    'returns all others while a session holds the %s of one of them locked',
    async (table) => {
      const [worker, other] = [
        await tables.insertWorker({ isLost: true }),
        await tables.insertWorker({ isLost: true }),
      ];
      // Its last attempt: its end is what counts in the batch.
      const held = await executing(worker, { queue: 'a', maxAttempts: 1 });
      const batch = idAgo(0);
      await tables.test.query(
        `INSERT INTO batch (id, name, queue, is_deadline_default, total) VALUES ($1, 'b', 'a', true, 1)`,
        [batch],
      );
      await tables.test.query('UPDATE job SET batch_id = $1 WHERE id = $2', [batch, held]);
      const others = [await executing(other, { queue: 'a' }), await executing(worker, { queue: 'b' })];
      const session = await tables.session();
      await session.query('BEGIN');
      await session.query(`SELECT FROM ${table} WHERE id = $1 FOR UPDATE`, [{ job: held, batch }[table]]);
      const rescuer = newRescuer();
      await watch(rescuer, 2 * SECOND);
      for (const id of others) expect((await tables.job(id)).status).toBe('waiting');
      expect((await tables.job(held)).status).toBe('executing');
      expect(lines).toContainEqual(expect.stringContaining('holds locked'));
      await session.query('ROLLBACK');
      await session.end();
      await watch(rescuer, 60 * SECOND);
      expect((await tables.job(held)).status).toBe('failed');
    },
  );

  it('does not undo what a worker has settled before', async () => {
    const worker = await tables.insertWorker({ isLost: true });
    const id = await executing(worker);
    const rescuer = newRescuer();
    const racing: typeof tables.step = async (work) => {
      const answer = await tables.step(work);
      await settle(tables.query, worker, [
        { kind: 'succeeded', isMember: false, id, run: 1, result: '1', children: [] },
      ]);
      return answer;
    };
    await rescuer.runOnce(racing);
    expect(await tables.job(id)).toMatchObject({ status: 'done', history: null });
  });

  it('does not judge a worker that renews at the moment it is marked', async () => {
    const worker = await tables.insertWorker({ seenAgoMs: 3_600 * SECOND });
    const rescuer = newRescuer();
    await watch(rescuer, 30 * SECOND);
    elapsedMs += 2 * SECOND;
    await rescuer.runOnce(async (work) => {
      const answer = await tables.step(work);
      await tables.renew(worker);
      return answer;
    });
    expect(await isLost(worker)).toBe(false);
  });
});

describe('a worker whose process is gone', () => {
  async function endedPid(): Promise<number> {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    return child.pid ?? 0;
  }

  it('is judged at once where all workers run on one machine', async () => {
    const gone = await tables.insertWorker({ host: hostname(), pid: await endedPid() });
    const elsewhere = await tables.insertWorker({ host: 'elsewhere', pid: await endedPid() });
    const running = await tables.insertWorker({
      host: hostname(),
      pid: process.ppid,
      processStartedAt: processStartedAt(process.ppid) ?? null,
    });
    const own = await tables.insertWorker({
      host: hostname(),
      pid: process.pid,
      processStartedAt: processStartedAt(process.pid) ?? null,
    });
    const id = await executing(gone);
    await newRescuer({ isOneMachine: true }).runOnce(tables.step);
    expect((await tables.job(id)).status).toBe('waiting');
    expect(await isLost(gone)).toBe(true);
    expect([await isLost(elsewhere), await isLost(running), await isLost(own)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('is told from a later process of the same pid', async () => {
    const earlier = await tables.insertWorker({
      host: hostname(),
      pid: process.pid,
      processStartedAt: 'an earlier boot/123',
    });
    const other = await tables.insertWorker({
      host: hostname(),
      pid: process.ppid,
      processStartedAt: 'an earlier boot/123',
    });
    await newRescuer({ isOneMachine: true }).runOnce(tables.step);
    expect([await isLost(earlier), await isLost(other)]).toEqual([true, true]);
  });

  it('gets the whole visibility timeout where workers run on many machines', async () => {
    const gone = await tables.insertWorker({ host: hostname(), pid: await endedPid() });
    const rescuer = newRescuer();
    await watch(rescuer, 30 * SECOND);
    expect(await isLost(gone)).toBe(false);
  });
});
