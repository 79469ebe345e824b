import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli, type CliRun } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { SamplesApp } from '../support/samples-app.js';

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/;

let scene: SamplesApp;
let folder: string;

beforeAll(async () => {
  scene = await SamplesApp.boot({
    samples: { object: { min: '1m', max: '1m' } },
    shutdown: { grace: '0s' },
  });
  folder = await mkdtemp(join(tmpdir(), 'rookery-cli-'));
});
afterAll(async () => {
  await scene.close();
  await rm(folder, { recursive: true });
});

function rookery(args: readonly string[], stdin?: string): Promise<CliRun> {
  return runCli(args, { env: { ROOKERY_URL: scene.url }, ...(stdin !== undefined && { stdin }) });
}

function idIn({ stdout }: CliRun): string {
  return ID.exec(stdout)?.[0] ?? '';
}

async function payloadOf(id: string): Promise<unknown> {
  return (await scene.send<{ payload: unknown }>('GET', `/job/${id}`)).body.payload;
}

/** A job that runs for a minute. */
async function longJob(objectId: string): Promise<string> {
  const id = idIn(await rookery(['enqueue', '--name', 'object', JSON.stringify({ object_id: objectId })]));
  await eventually(async () => {
    const { body } = await scene.send<{ status: string }>('GET', `/job/${id}`);
    return body.status === 'executing';
  });
  return id;
}

describe('rookery enqueue', () => {
  it('makes a job and tells its id', async () => {
    const run = await rookery(['enqueue', '--name', 'example:job', '{"param":"value"}']);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^enqueued \S{36}\n$/) as string });
    expect(await payloadOf(idIn(run))).toEqual({ param: 'value' });
  });

  it('reads the payload from a file and from standard input', async () => {
    const file = join(folder, 'payload.json');
    await writeFile(file, '{"param":"from a file"}');
    const fromFile = await rookery(['enqueue', '--name', 'example:job', `@${file}`]);
    expect(await payloadOf(idIn(fromFile))).toEqual({ param: 'from a file' });
    const fromStdin = await rookery(['enqueue', '--name', 'example:job', '-'], '{"param":"piped"}\n');
    expect(await payloadOf(idIn(fromStdin))).toEqual({ param: 'piped' });
  });

  it('passes every option on', async () => {
    const run = await rookery([
      ...['enqueue', '--json', '--name', 'example:job', '--object-id', 'o-1', '--lane', 'high'],
      ...['--delay', '1h', '--timeout', '1500', '--max-attempts', '7', '{"param":"x"}'],
    ]);
    const { id } = JSON.parse(run.stdout) as { id: string };
    const { body } = await scene.send<{ dueAt: string; createdAt: string }>('GET', `/job/${id}`);
    expect(body).toMatchObject({ objectId: 'o-1', lane: 'high', timeoutMs: 1_500, maxAttempts: 7 });
    expect(Date.parse(body.dueAt) - Date.parse(body.createdAt)).toBeGreaterThan(3_500_000);
    const at = ['--run-at', '2035-01-31T03:00:00Z', '{"param":"x"}'];
    const later = await rookery(['enqueue', '--name', 'example:job', ...at]);
    expect((await scene.send('GET', `/job/${idIn(later)}`)).body).toMatchObject({
      dueAt: '2035-01-31T03:00:00.000Z',
    });
  });

  it('answers the first job for a repeated idempotency key', async () => {
    const args = ['enqueue', '--name', 'example:job', '--idempotency-key', 'k-1', '{"param":"x"}'];
    const first = await rookery(args);
    const second = await rookery(args);
    expect(second.stdout).toBe(`enqueued before: ${idIn(first)}\n`);
  });

  it('waits for the end of the job and prints its result', async () => {
    const run = await rookery(['enqueue', '--wait', '--name', 'example:job', '{"param":"value"}']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(/^enqueued \S+\ndone \{"param":"value"\}\n$/);
    const asJson = await rookery([
      'enqueue',
      '--wait=20s',
      '--json',
      '--name',
      'example:job',
      '{"param":"x"}',
    ]);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ status: 'done', result: { param: 'x' } });
  });

  it('exits 5 when the job it waited for fails, and tells why', async () => {
    const run = await rookery(['enqueue', '--wait', '--name', 'http:request', '{"url":"http://127.0.0.1/"}']);
    expect(run.code).toBe(5);
    expect(run.stderr).toMatch(/^error: job \S+ failed: 127\.0\.0\.1 is no address of the public internet/);
  });

  it.each([
    ['with its unit', '200ms'],
    ['as a bare number of milliseconds', '200'],
  ])('exits 6 when the time, %s, is over before the job', async (_, wait) => {
    const payload = JSON.stringify({ object_id: `slow for ${wait}` });
    const run = await rookery(['enqueue', '--name', 'object', payload, '--wait', wait]);
    expect(run.code).toBe(6);
    expect(run.stderr).toMatch(
      /^error: job \S+ is still (waiting|executing)\n {2}rookery watch \S+ waits on\n$/,
    );
  });

  it('exits 1 for a refused payload and names the failing path', async () => {
    const run = await rookery(['enqueue', '--name', 'example:job', '{"param":7}']);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^error: invalid_payload: .*payload\.param.*\n$/);
    const asJson = await rookery(['enqueue', '--json', '--name', 'example:job', '{"param":7}']);
    expect(JSON.parse(asJson.stderr)).toMatchObject({ status: 400, code: 'invalid_payload' });
  });

  it.each([
    ['an unknown name', ['--name', 'no:such', '{}'], 'unknown_job_name'],
    ['a negative delay', ['--name', 'example:job', '--delay=-1', '{"param":"x"}'], 'delay'],
    ['no attempts', ['--name', 'example:job', '--max-attempts', '0', '{"param":"x"}'], 'maxAttempts'],
    ['an unknown lane', ['--name', 'example:job', '--lane', 'fast', '{"param":"x"}'], 'lane'],
  ])('exits 1 for %s', async (_, args, message) => {
    const run = await rookery(['enqueue', ...args]);
    expect([run.code, run.stdout]).toEqual([1, '']);
    expect(run.stderr).toContain(message);
  });
});

describe('rookery job', () => {
  it('lists jobs newest first, a page at a time', async () => {
    for (const param of ['1', '2', '3']) {
      await rookery(['enqueue', '--wait', '--name', 'partitions_maintenance:job', JSON.stringify({ param })]);
    }
    const filter = ['--queue', 'shared', '--status', 'done'];
    const first = await rookery(['job', 'list', ...filter, '--limit', '2']);
    expect(first.code).toBe(0);
    expect(first.stdout.split('\n').map((line) => line.split(/ {2,}/)[1])).toEqual([
      'STATUS',
      'done',
      'done',
      undefined,
    ]);
    const [, cursor = ''] = /^more: add --cursor (\S+)\n$/.exec(first.stderr) ?? [];
    const second = await rookery(['list', ...filter, '--limit', '2', '--cursor', cursor, '--json']);
    const page = JSON.parse(second.stdout) as { jobs: { payload: unknown }[]; next: null };
    expect(page.next).toBeNull();
    expect(page.jobs.map(({ payload }) => payload)).toEqual([{ param: '1' }]);
  });

  it('tells when there is nothing to list', async () => {
    const run = await rookery(['list', '--name', 'no:such']);
    expect(run).toEqual({ code: 0, stdout: '', stderr: 'no jobs\n' });
  });

  it('shows a job, and its log', async () => {
    const id = idIn(await rookery(['enqueue', '--wait', '--name', 'example:job', '{"param":"seen"}']));
    const shown = await rookery(['show', id]);
    expect(shown.stdout).toContain(
      `id        ${id}\nname      example:job\nqueue     example-job (normal)\nstatus    done\n`,
    );
    expect(shown.stdout).toContain('result    {"param":"seen"}\n');
    expect(JSON.parse((await rookery(['job', 'show', '--json', id])).stdout)).toMatchObject({
      id,
      status: 'done',
    });
    await eventually(async () => {
      const { stdout } = await rookery(['show', '--log', id]);
      return /^\S+Z {2}example:job was given "seen"\n$/.test(stdout);
    });
  });

  it('shows why a job failed', async () => {
    const run = await rookery(['enqueue', '--wait', '--name', 'http:request', '{"url":"http://127.0.0.1/"}']);
    const { stdout } = await rookery(['show', idIn(run)]);
    expect(stdout).toMatch(/history\n {2}run 1 {2}\S+Z {2}failed: 127\.0\.0\.1 is no address/);
  });

  it('cancels and retries by id', async () => {
    const id = await longJob('to cancel');
    expect(await rookery(['cancel', id])).toMatchObject({ code: 0, stdout: `${id} is being canceled\n` });
    expect((await rookery(['watch', id])).code).toBe(5);
    expect((await rookery(['show', id])).stdout).toMatch(/^cancel {4}asked for at \S+Z$/m);
    const again = await rookery(['job', 'cancel', id]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('already_finished') as string });
    expect(await rookery(['retry', id])).toMatchObject({ code: 0, stdout: `${id} waits again\n` });
    expect((await rookery(['cancel', id])).code).toBe(0);
  });

  it('cancels those it can and counts those it cannot', async () => {
    const id = await longJob('one of two');
    const unknown = '0198a8a0-0000-7000-8000-000000000000';
    const run = await rookery(['cancel', unknown, id]);
    expect(run.stdout).toBe(`${id} is being canceled\n`);
    expect(run.stderr).toMatch(/^no_such_job: .*\nerror: 1 of 2 jobs were refused\n$/);
    expect(run.code).toBe(4);
  });

  it('cancels and retries by filter, and only counts with --dry-run', async () => {
    await rookery(['queues', 'pause', 'shared']);
    for (let n = 0; n < 3; n++)
      await rookery(['enqueue', '--name', 'partitions_maintenance:job', '{"param":"x"}']);
    const waiting = ['--queue', 'shared', '--status', 'waiting'];
    expect((await rookery(['cancel', ...waiting, '--dry-run'])).stdout).toBe('3 jobs would be canceled\n');
    expect((await rookery(['cancel', ...waiting])).stdout).toBe('3 jobs canceled\n');
    const canceled = ['--queue', 'shared', '--status', 'canceled'];
    expect(JSON.parse((await rookery(['retry', ...canceled, '--json'])).stdout)).toEqual({
      matched: 3,
      changed: 3,
    });
    await rookery(['queues', 'resume', 'shared']);
    await eventually(async () => {
      const { stdout } = await rookery(['list', ...waiting, '--json']);
      return (JSON.parse(stdout) as { jobs: unknown[] }).jobs.length === 0;
    });
  });

  it('tells every change of a watched job until it ends', async () => {
    const id = await longJob('watched');
    const watched = rookery(['watch', id]);
    const asJson = rookery(['watch', '--json', id]);
    await rookery(['cancel', id]);
    const { code, stdout, stderr } = await watched;
    expect(code).toBe(5);
    expect(stdout).toMatch(/^(executing {2}attempt 1 of 3.*\n)*canceled {2}attempt 1 of 3\n$/);
    expect(stderr).toContain(`job ${id} canceled`);
    const lines = (await asJson).stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ id, status: 'canceled' });
  });
});

describe('rookery queues, workers and status', () => {
  it('pauses and resumes a queue and lists both', async () => {
    expect((await rookery(['queues', 'pause', 'objects'])).stdout).toBe('objects is paused\n');
    const paused = await rookery(['queues']);
    expect(paused.stdout).toMatch(/^QUEUE +STATE +WAITING +EXECUTING +OLDEST +SET\n/);
    expect(paused.stdout).toMatch(/^objects +paused +\d+ +\d+/m);
    expect((await rookery(['queues', 'resume', '--json', 'objects'])).code).toBe(0);
    const { queues } = JSON.parse((await rookery(['queues', '--json'])).stdout) as {
      queues: { name: string; paused: boolean }[];
    };
    expect(queues).toContainEqual(expect.objectContaining({ name: 'objects', paused: false }));
  });

  it('sets a queue, shows what is set, and takes it back', async () => {
    const set = ['queues', 'set', 'objects', '--concurrency', '20', '--timeout', '1m'];
    expect((await rookery(set)).stdout).toBe('objects: concurrency 20, timeout 1m\n');
    expect((await rookery(['queues'])).stdout).toMatch(/^objects .* concurrency 20, timeout 1m$/m);
    const taken = ['queues', 'set', 'objects', '--concurrency', 'own', '--timeout', 'own'];
    expect((await rookery(taken)).stdout).toBe('objects: as each process is configured\n');
    expect(await rookery(['queues', 'set', 'objects'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing to set; use --concurrency') as string,
    });
    expect(await rookery(['queues', 'set', 'objects', '--concurrency', 'many'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"many" is no number') as string,
    });
    expect(await rookery(['queues', 'set', 'objects', '--timeout', '30'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('30 could be 30ms or 30s; write the unit too') as string,
    });
  });

  it('exits 4 for a queue that does not exist', async () => {
    const run = await rookery(['queues', 'pause', 'nowhere']);
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining('no_such_queue') as string });
  });

  it('lists the workers', async () => {
    const run = await rookery(['workers']);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain(`:${process.pid} `);
    expect(JSON.parse((await rookery(['workers', '--json'])).stdout)).toMatchObject({
      workers: [{ pid: process.pid }],
    });
  });

  it('tells the totals', async () => {
    const run = await rookery(['status']);
    expect(run.stdout).toMatch(
      /^processed +\d+\ndone +\d+\nfailed +\d+\ncanceled +\d+\nwaiting +\d+\nexecuting +\d+\n$/,
    );
    expect(JSON.parse((await rookery(['status', '--json'])).stdout)).toHaveProperty('processed');
  });
});
