import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { allJobs, ended, enqueue, enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const scene = useServiceScene({ isNatsStarted: false });
let job: RookeryProcess;
let all: RookeryProcess[];

/** Boots processes that share a database and NATS; what a lost ticket covered is looked for soon. */
async function boot(entries: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  const settings = { ROOKERY_DEFAULTS_POLL_INTERVAL: '2s', ...env };
  job = scene.start('job', [], settings);
  await job.ready();
  all = [job, ...entries.map((entry) => scene.start(entry, [], settings))];
  await Promise.all(all.map((started) => started.ready()));
}

interface HealthBody {
  readonly status: string;
  readonly parts: Readonly<Record<string, { readonly detail: string; readonly isReady: boolean }>>;
}

/** Every process is well, and says this of its transport. */
async function transportIs(detail: string): Promise<void> {
  for (const started of all) {
    await eventually(
      async () => {
        const { status, body } = await started.get<HealthBody>('/health/ready');
        expect(status).toBe(200);
        expect(body.parts['transport']?.detail).toBe(detail);
        return true;
      },
      { withinMs: 15_000 },
    );
  }
}

const linesLike = (started: RookeryProcess, pattern: RegExp): string[] =>
  started.lines.filter((line) => pattern.test(line));

/** Enqueues 20 short jobs at a time, all the time, and knows what was taken. */
function load(): { readonly ids: readonly string[]; end(): Promise<void> } {
  const ids: string[] = [];
  let isEnding = false;
  const jobs = Array.from({ length: 20 }, () => ({ name: 'nap', payload: { ms: 20 } }));
  const loading = (async () => {
    while (!isEnding) {
      const { status, body } = await job.post<{ ids: string[] }>('/job/bulk', jobs);
      if (status === 201) ids.push(...body.ids);
      ids.push(await enqueue(job, 'nap', { ms: 5 }));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  })();
  return {
    ids,
    end: async () => {
      isEnding = true;
      await loading;
    },
  };
}

/** How many jobs are done, once none is open. */
async function doneAtLast(): Promise<number> {
  return eventually(
    async () => {
      const { body } = await job.get<{ waiting: number; executing: number; done: number }>('/status');
      if (body.waiting + body.executing > 0) throw new Error(`still open: ${JSON.stringify(body)}`);
      return body.done;
    },
    { withinMs: 40_000, everyMs: 100 },
  );
}

/** Each of these jobs is done, and its outcome is recorded once: the counters are appended by the statements that record outcomes. */
async function expectEachDoneOnce(ids: readonly string[], doneBefore: number): Promise<void> {
  expect((await doneAtLast()) - doneBefore).toBe(ids.length);
  const known = new Map((await allJobs(job)).map((one) => [one.id, one]));
  for (const id of ids) expect(known.get(id)).toMatchObject({ status: 'done', run: 1, history: [] });
}

/** No handler was called twice; after a crash of the database one may be, whose claim was not on disk yet. */
async function expectEachRunOnce(ids: readonly string[]): Promise<void> {
  const wanted = new Set(ids);
  const ends = (await scene.notes()).filter(({ id, event }) => event === 'end' && wanted.has(id));
  expect(ends.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
}

/** Resolves when workers have taken tickets from the server. */
async function ticketsFlow(prefix = ''): Promise<void> {
  const connection = await connect({ servers: scene.nats.url });
  try {
    const manager = await jetstreamManager(connection);
    await eventually(async () => {
      const { ack_floor: acked } = await manager.consumers.info(`${prefix}ROOKERY_TICKET_nap`, 'normal');
      return acked.stream_seq > 5;
    });
  } finally {
    await connection.close();
  }
}

describe('processes that are told of a NATS server', () => {
  beforeAll(() => boot(['scheduler', 'worker', 'worker']), 120_000);

  it('start without it, are ready, take jobs and run them from the table, and say so once', async () => {
    await transportIs('NATS is away; jobs are found in the table');
    const id = await enqueue(job, 'nap', { ms: 1 });
    expect(await ended(job, id)).toMatchObject({ status: 'done', run: 1 });
    for (const started of all) expect(linesLike(started, /NATS is away/)).toHaveLength(1);
  });

  it('use it as soon as it comes', async () => {
    await scene.nats.start();
    await transportIs('NATS is there');
    await job.line(/answers jobs\.create/);
    const first = load();
    await ticketsFlow();
    await first.end();
    for (const started of all) expect(linesLike(started, /NATS is (back|there)/)).toHaveLength(1);
  });

  it('lose nothing when it is killed in mid-load and comes back with an empty store, and use it again within seconds', async () => {
    const before = await doneAtLast();
    const running = load();
    await eventually(() => running.ids.length > 200);
    await scene.nats.kill();
    const killedAt = running.ids.length;
    await Promise.all(
      all.map((started) => eventually(() => linesLike(started, /NATS is away/).length === 2)),
    );
    await eventually(() => running.ids.length > killedAt + 200);
    await scene.nats.start({ isWiped: true });
    const backAt = performance.now();
    await ticketsFlow();
    expect(performance.now() - backAt).toBeLessThan(10_000);
    await transportIs('NATS is there');
    await running.end();
    await expectEachDoneOnce(running.ids, before);
    await expectEachRunOnce(running.ids);
  });

  it('lose nothing when it restarts with its store, twice', async () => {
    const before = await doneAtLast();
    const running = load();
    for (let round = 0; round < 2; round++) {
      const from = running.ids.length;
      await eventually(() => running.ids.length > from + 100);
      await scene.nats.stop();
      await scene.nats.start();
      await transportIs('NATS is there');
    }
    await running.end();
    await expectEachDoneOnce(running.ids, before);
    await expectEachRunOnce(running.ids);
  });

  it('end as they are asked to while it is away', async () => {
    await scene.nats.kill();
    await transportIs('NATS is away; jobs are found in the table');
    const began = performance.now();
    for (const { code } of await Promise.all(all.map((started) => started.stop()))) expect(code).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('processes whose database crashes while they work over NATS', () => {
  beforeAll(async () => {
    await scene.nats.start({ isWiped: true });
    await boot(['worker', 'worker'], { DATABASE_URL: '', ROOKERY_NATS_PREFIX: 'embedded' });
  }, 120_000);

  it('lose no job that was taken, and record no outcome twice', async () => {
    const before = await doneAtLast();
    const ids: string[] = [];
    const enqueueSome = async (): Promise<void> => {
      const jobs = Array.from({ length: 200 }, () => ({ name: 'nap', payload: { ms: 50 } }));
      ids.push(...(await enqueueBulk(job, jobs)));
    };
    await enqueueSome();
    await ticketsFlow('embedded_');
    await scene.killPostgres();
    await Promise.all(all.map((started) => started.line(/PostgreSQL is back/)));
    await enqueueSome();
    await expectEachDoneOnce(ids, before);
  });
});
