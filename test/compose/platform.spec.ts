import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ComposeProject, type Container } from './compose-project.js';
import { RookeryClient, type Job, type Totals } from './rookery-client.js';

/** Jobs that take a second or two, enqueued at once; and those that callers send one by one while things break. */
const LONG_JOBS = 700;
const SHORT_JOBS = 300;

/** Callers who send the short jobs side by side, and how long each rests after one: together they take as long as all that breaks. */
const CALLERS = 4;
const REST_MS = 200;

/** A worker is thought dead after 30 s of silence, and its jobs back off for a second or so. */
const LOAD_WITHIN_MS = 240_000;

/** As many from one address a minute and no more. */
const WRONG_TOKENS = 10;

interface ObjectAnswer {
  readonly message: { readonly job_id: string; readonly status: string; readonly object_id: string };
}

interface Ready {
  readonly parts: { readonly transport: { readonly detail: string } };
}

describe('docker-compose.yml', () => {
  let project: ComposeProject;
  let client: RookeryClient;
  let hasFailed = false;

  beforeAll(async () => {
    project = await ComposeProject.create();
    client = new RookeryClient(project.url);
    await timed('built the image', () => project.compose('build', 'job'));
    return async () => {
      try {
        if (hasFailed) say(await project.compose('logs', '--no-color', '--tail', '40'));
      } finally {
        await project.down();
        await project.removeImage();
      }
    };
  });

  /** A scene; should it fail, the containers' logs are printed before they are gone. */
  function scene(title: string, play: () => Promise<void>, timeoutMs?: number): void {
    const watched = async (): Promise<void> => {
      try {
        await play();
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
    it(title, watched, timeoutMs);
  }

  describe('once it is up', () => {
    scene('is healthy in every container: three workers, and one of each other service', async () => {
      await timed('is up and healthy', () => project.compose('up', '--detach', '--wait', '--no-build'));
      const containers = await project.containers();
      expect(containers.map(({ service }) => service).sort()).toEqual(
        ['job', 'nats', 'nginx', 'postgres', 'scheduler', 'status', 'worker', 'worker', 'worker'].sort(),
      );
      expect(containers.filter(({ state }) => state.Health?.Status !== 'healthy')).toEqual([]);
      await eventually(async () => (await client.workers()).length === 3);
    });

    scene('publishes nginx and nothing else, and that to this machine only', async () => {
      const published = (await project.containers()).flatMap((container) => container.published);
      expect(published).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
    });

    scene('runs no process as root', async () => {
      const services = new Map((await project.containers()).map(({ id, service }) => [service, id]));
      for (const [service, id] of services) {
        const status = await project.docker('exec', '--user', '0', id, 'cat', '/proc/1/status');
        expect([service, /^Uid:\s+(\d+)/m.exec(status)?.[1]]).not.toEqual([service, '0']);
      }
    });

    scene('runs an object from POST / to finished, and refuses the same one again', async () => {
      const { status, body } = await client.post<ObjectAnswer>('/', { object_id: 'cup' });
      expect(status).toBe(201);
      const id = body.message.job_id;
      expect((await client.get<ObjectAnswer>(`/${id}`)).body.message).toMatchObject({
        job_id: id,
        object_id: 'cup',
        status: 'processing',
      });
      const again = await client.post('/', { object_id: 'cup' });
      expect([again.status, again.body]).toEqual([
        400,
        { message: 'you need to wait 5 minutes before rerunning the same job' },
      ]);
      await eventually(
        async () => (await client.get<ObjectAnswer>(`/${id}`)).body.message.status === 'finished',
        { everyMs: 250 },
      );
    });

    scene('starts a job over NATS, sooner than a worker would look for it', async () => {
      expect((await client.get<Ready>('/health/ready')).body.parts.transport.detail).toBe('NATS is there');
      const { body } = await client.post<{ id: string }>('/job', {
        name: 'example:job',
        payload: { param: 'x' },
      });
      await client.get(`/job/${body.id}/status?wait=5s`);
      const [row] = await project.sql(
        `SELECT started_at - created_at < interval '500 ms' FROM (
           SELECT started_at, to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0) AS created_at
             FROM job WHERE id = '${body.id}') AS times`,
      );
      expect(row).toBe('t');
    });

    scene('has the command line in its image', async () => {
      const totals = await project.compose('exec', '-T', 'job', 'rookery', 'status', '--json');
      expect(JSON.parse(totals)).toMatchObject({ failed: 0, canceled: 0 });
    });

    scene('sends GET to the status service and everything else to the job service', async () => {
      await client.get('/queue?seen=status');
      await client.post('/queue/shared/resume?seen=job', {});
      const [status] = await project.containers('status');
      const [job] = await project.containers('job');
      await eventually(async () => {
        const log = await project.compose('logs', '--no-color', '--no-log-prefix', 'nginx');
        expect(upstreamsOf(log, 'GET /queue?seen=status')).toEqual([status?.address]);
        expect(upstreamsOf(log, 'POST /queue/shared/resume?seen=job')).toEqual([job?.address]);
        return true;
      });
    });

    scene('answers to this machine and to addresses, and to no other name', async () => {
      for (const host of ['localhost', 'localhost:8080', '127.0.0.1', '[::1]:80', '192.168.7.7:8080'])
        expect([host, await client.changeFromPageOf(host)]).toEqual([host, 200]);
      for (const host of ['evil.example', '127.0.0.1.evil.example:80', 'localhost.evil.example', 'nginx'])
        expect([host, await client.changeFromPageOf(host)]).toEqual([host, 421]);
    });
  });

  describe('with 1,000 jobs in it', () => {
    const enqueued = new Set<string>();
    let before: Totals;
    let callers: Promise<number[]>;
    let killed: string;

    scene('takes 700 of them in one request, and spreads them over the three workers', async () => {
      before = await client.totals();
      const jobs = Array.from({ length: LONG_JOBS }, (_, n) => ({
        name: 'object',
        payload: { object_id: `o${n}` },
      }));
      const { status, body } = await client.post<{ ids: string[] }>('/job/bulk', jobs);
      expect([status, body.ids?.length]).toEqual([201, LONG_JOBS]);
      for (const id of body.ids) enqueued.add(id);
      callers = sendShortJobs(client);
      callers.catch(() => undefined);
      await eventually(async () => (await client.workers()).every(({ busy }) => busy > 0), {
        withinMs: 30_000,
      });
    });

    scene('goes on when a worker is killed -9 while it runs jobs', async () => {
      const victim = (await client.workers()).find(({ busy }) => busy > 0);
      if (!victim) throw new Error('no worker runs a job');
      killed = victim.id;
      const [running] = await project.sql(
        `SELECT count(*) FROM job WHERE status = 'executing' AND worker_id = '${killed}'`,
      );
      await project.docker('kill', '--signal', 'KILL', victim.host);
      say(
        `killed worker ${victim.host}, which ran ${running ?? '?'} jobs; ${await openJobs(client)} are open`,
      );
      const dead = (await project.containers('worker')).find(({ id }) => id.startsWith(victim.host));
      expect(dead?.state).toMatchObject({ Status: 'exited', ExitCode: 137 });
      await makesProgress(client);
    });

    scene('goes on while NATS is restarted', async () => {
      say(`restarting nats with ${await openJobs(client)} jobs open`);
      await project.compose('restart', 'nats');
      await timed('NATS is used again', () =>
        eventually(
          async () =>
            (await client.get<Ready>('/health/ready')).body.parts.transport.detail === 'NATS is there',
          { withinMs: 30_000 },
        ),
      );
      await makesProgress(client);
    });

    scene('goes on after PostgreSQL is restarted', async () => {
      say(`restarting postgres with ${await openJobs(client)} jobs open`);
      await project.compose('restart', 'postgres');
      await timed('PostgreSQL is used again', () => makesProgress(client));
    });

    scene(
      'ends each of the 1,000 with one outcome',
      async () => {
        const tries = await callers;
        say(`${SHORT_JOBS} jobs were accepted in ${tries.reduce((sum, n) => sum + n, 0)} tries`);
        await timed('every job has ended', () =>
          eventually(async () => (await openJobs(client)) === 0, { withinMs: LOAD_WITHIN_MS, everyMs: 500 }),
        );
        const jobs = (await client.allJobs()).filter(isOfTheLoad(enqueued));
        expect(jobs.length).toBe(LONG_JOBS + SHORT_JOBS);
        expect(new Set(jobs.map(identityOf)).size).toBe(LONG_JOBS + SHORT_JOBS);
        expect(jobs.filter(({ status, result }) => status !== 'done' || result === null)).toEqual([]);
        // Every run but the last is in the history, as one that did not succeed.
        expect(jobs.filter(({ run, history }) => run !== history.length + 1)).toEqual([]);
        // Each settle adds to the counters in its own transaction: one that was recorded twice shows here.
        const after = await client.totals();
        expect(after.done - before.done).toBe(LONG_JOBS + SHORT_JOBS);
        expect(after).toMatchObject({ failed: before.failed, canceled: before.canceled });
        const lost = jobs.flatMap(({ history }) => history).filter(({ outcome }) => outcome === 'lost');
        say(`${lost.length} runs were lost and run again elsewhere`);
        expect(lost.filter(({ worker }) => worker === killed).length).toBeGreaterThan(0);
        expect(sharesOf(jobs).length).toBe(3);
        say(`jobs by worker: ${sharesOf(jobs).join(', ')}`);
      },
      LOAD_WITHIN_MS + 60_000,
    );
  });

  describe('when it changes', () => {
    scene('scales: five workers take part, and nginx finds the second job service', async () => {
      const scale = ['--scale', 'worker=5', '--scale', 'job=2'];
      await timed('scaled', () =>
        project.compose('up', '--detach', '--wait', '--no-build', '--no-recreate', ...scale),
      );
      // A dead worker's row is kept for a while; it is not among the live ones.
      await eventually(async () => (await client.workers()).length === 5, { withinMs: 30_000 });
      const addresses = (await project.containers('job')).map(({ address }) => address).sort();
      expect(addresses.length).toBe(2);
      await eventually(
        async () => {
          await client.post('/queue/shared/resume?seen=scaled', {});
          const log = await project.compose('logs', '--no-color', '--no-log-prefix', 'nginx');
          return (
            [...new Set(upstreamsOf(log, 'POST /queue/shared/resume?seen=scaled'))].sort().join() ===
            addresses.join()
          );
        },
        { withinMs: 30_000, everyMs: 250 },
      );
    });

    scene('answers every request while a job service is taken away', async () => {
      const refusals: string[] = [];
      let answered = 0;
      let isOver = false;
      const scale = ['--scale', 'worker=5', '--scale', 'job=1'];
      const stopped = project
        .compose('up', '--detach', '--no-build', '--no-recreate', ...scale)
        .finally(() => (isOver = true));
      while (!isOver) {
        const { status, body } = await client.post('/queue/shared/resume', {});
        answered++;
        if (status !== 200) refusals.push(`${status} ${JSON.stringify(body)}`);
      }
      await stopped;
      say(`${answered} requests were answered meanwhile`);
      expect(refusals).toEqual([]);
      expect((await project.containers('job')).length).toBe(1);
    });

    scene('lets running jobs finish when the workers are stopped, which exit with 0', async () => {
      const jobs = Array.from({ length: 20 }, (_, n) => ({
        name: 'object',
        payload: { object_id: `last${n}` },
      }));
      const { body } = await client.post<{ ids: string[] }>('/job/bulk', jobs);
      await eventually(async () => (await client.totals()).executing > 0);
      await timed('stopped the workers', () => project.compose('stop', 'worker'));
      expect(exitCodes(await project.containers('worker'))).toEqual([0, 0, 0, 0, 0]);
      const statuses = (await client.allJobs())
        .filter(({ id }) => body.ids.includes(id))
        .map(({ status }) => status);
      expect([...new Set(statuses)].filter((status) => status !== 'done' && status !== 'waiting')).toEqual(
        [],
      );
      expect((await client.totals()).executing).toBe(0);
    });

    scene('stops every other service of ours with 0 too', async () => {
      await timed('stopped', () => project.compose('stop'));
      for (const service of ['job', 'status', 'scheduler']) {
        expect([service, exitCodes(await project.containers(service))]).toEqual([service, [0]]);
      }
    });

    scene('keeps its jobs over a stop, and runs what was waiting', async () => {
      await timed('is up again', () => project.compose('up', '--detach', '--wait', '--no-build'));
      await eventually(async () => (await openJobs(client)) === 0, { withinMs: 60_000 });
      expect((await client.totals()).done).toBeGreaterThan(LONG_JOBS + SHORT_JOBS);
    });

    scene('counts wrong tokens against who sends them, whoever they say they are', async () => {
      const secret = 'a-secret-of-the-test';
      project.requireTokens(`test:read:${secret}`);
      await project.compose('up', '--detach', '--wait', '--no-build', '--no-deps', 'status');
      const [{ address = '' } = {}] = await project.containers('scheduler');
      const guessAs = async (caller: string): Promise<number> =>
        (await client.get('/status', { authorization: 'Bearer a-wrong-one', 'x-forwarded-for': caller }))
          .status;
      // nginx may know the container's former address still.
      await eventually(async () => (await guessAs(address)) === 401, { withinMs: 30_000 });
      for (let guesses = 1; guesses < WRONG_TOKENS; guesses++) await guessAs(address);
      expect(await guessAs('10.9.8.7')).toBe(429);
      const right = { host: 'localhost', authorization: `Bearer ${secret}` };
      expect(await project.statusWithin('scheduler', 'http://nginx:8080/status', right)).toBe(200);
    });

    scene('leaves nothing behind when it is taken down with its volumes', async () => {
      await project.down();
      expect(await project.remains()).toEqual([]);
    });
  });
});

/** Callers who begin now and are done when each of the short jobs was accepted; resolves with the tries each job took. */
async function sendShortJobs(client: RookeryClient): Promise<number[]> {
  const deadline = performance.now() + LOAD_WITHIN_MS;
  const numbers = Array.from({ length: SHORT_JOBS }, (_, n) => n).values();
  const tries: number[] = [];
  const caller = async (): Promise<void> => {
    for (const n of numbers) {
      tries.push(await client.enqueueForSure('example:job', { param: `s${n}` }, `short-${n}`, deadline));
      await pause(REST_MS);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return tries;
}

/** Jobs that have not ended; an answer that does not come is asked for again. */
async function openJobs(client: RookeryClient): Promise<number> {
  return eventually(
    async () => {
      const { waiting, executing } = await client.totals();
      return Number.isInteger(waiting + executing) && `${waiting + executing}`;
    },
    { withinMs: 30_000, everyMs: 100 },
  ).then(Number);
}

/** Waits until more jobs have ended than at first. */
async function makesProgress(client: RookeryClient): Promise<void> {
  const first = await eventually(async () => (await client.totals()).done, {
    withinMs: 30_000,
    everyMs: 100,
  });
  await eventually(async () => (await client.totals()).done > first + 10, { withinMs: 60_000, everyMs: 100 });
}

/** The jobs of the load: the long ones by their ids, the short ones by their parameter. */
function isOfTheLoad(ids: ReadonlySet<string>): (job: Job) => boolean {
  return (job) => ids.has(job.id) || /^short/.test(identityOf(job));
}

/** What a job is about: no two jobs of the load are about the same. */
function identityOf({ id, name, payload }: Job): string {
  const { param } = payload as { readonly param?: string };
  return name === 'example:job' && /^s\d+$/.test(param ?? '') ? `short ${param ?? ''}` : id;
}

/** How many jobs each worker brought to their end. */
function sharesOf(jobs: readonly Job[]): number[] {
  const shares = new Map<string, number>();
  for (const { workerId } of jobs) shares.set(workerId, (shares.get(workerId) ?? 0) + 1);
  return [...shares.values()];
}

/** The addresses nginx sent a request to, one for each time it came. */
function upstreamsOf(log: string, request: string): string[] {
  const lines = log.split('\n').filter((line) => line.includes(`"${request} `));
  return lines.map((line) => / to ([\d.]+):8080$/.exec(line.trim())?.[1] ?? 'nowhere');
}

function exitCodes(containers: readonly Container[]): number[] {
  return containers.map(({ state }) => state.ExitCode);
}

async function timed<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const result = await work();
  say(`${what} after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  return result;
}

function say(line: string): void {
  process.stdout.write(`  · ${line}\n`);
}
