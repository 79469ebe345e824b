import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueueAnswer, WorkerAnswer } from '../../src/cli/api-answers.js';
import { eventually } from '../support/eventually.js';
import { runCliHere } from '../support/cli-here.js';
import { idAgo } from '../support/job-tables.js';
import { SamplesApp } from '../support/samples-app.js';

let scene: SamplesApp;

beforeAll(async () => {
  scene = await SamplesApp.boot({
    samples: { object: { min: '1m', max: '1m' } },
    shutdown: { grace: '0s' },
    defaults: { pollInterval: '200ms', retryConcurrency: 1 },
  });
});
afterAll(() => scene.close());

const doctor = (...flags: string[]) => runCliHere(scene.url, ['doctor', ...flags]);

/** A job that could have run again for longer than a lost ticket is missing, counted as one that waits. */
async function overdueRetry(queue: string, name: string): Promise<void> {
  await scene.database.query(
    `INSERT INTO job (id, queue, name, run, attempt, max_attempts, due_at, payload)
     VALUES ($1, $2, $3, 1, 1, 3, now() - interval '4 min', '{"object_id": "cup"}')`,
    [idAgo(0), queue, name],
  );
  await scene.database.query(`INSERT INTO counter_delta (queue, name, enqueued) VALUES ($1, $2, 1)`, [
    queue,
    name,
  ]);
}

async function waitingMs(queue: string): Promise<number> {
  const { body } = await scene.send<{ queues: QueueAnswer[] }>('GET', '/queue');
  return body.queues.find(({ name }) => name === queue)?.oldestWaitingMs ?? 0;
}

describe('rookery doctor', () => {
  it('tells versions, health, clocks and the schema, and ends with 0 when all is well', async () => {
    const { code, stdout } = await doctor();
    expect(stdout).toMatch(/^ok {7}version {4}Rookery \d+\.\d+\.\d+, Node \d+.*, PostgreSQL \d+/);
    const checks = stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 2).join(' '));
    expect(checks).toEqual([
      'ok version',
      'ok health',
      'ok clock',
      'ok schema',
      'ok attention',
      'ok tickets',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('warns of a paused queue with what to do, and is content', async () => {
    await scene.send('POST', '/queue/objects/pause');
    // One look at what needs attention serves all who ask within a second.
    const { code } = await eventually(async () => {
      const run = await doctor();
      return /^warning {2}attention .*objects.*\n {20}\S/m.test(run.stdout) && run;
    });
    await scene.send('POST', '/queue/objects/resume');
    expect(code).toBe(0);
  });

  it('ends with 7 when the schema is newer than the server, and says so as JSON too', async () => {
    await scene.database.query(
      `INSERT INTO rookery_migration (timestamp, name) VALUES (1800000000000, 'AddLater1800000000000')`,
    );
    const told = await doctor();
    const json = await doctor('--json');
    await scene.database.query(`DELETE FROM rookery_migration WHERE name = 'AddLater1800000000000'`);
    expect(told).toMatchObject({ code: 7, stderr: expect.stringContaining('1 of 6 checks') as string });
    expect(told.stdout).toMatch(/^problem {2}schema .*AddLater1800000000000/m);
    const { findings } = JSON.parse(json.stdout) as { findings: { check: string; verdict: string }[] };
    expect(findings.filter(({ verdict }) => verdict === 'problem')).toMatchObject([{ check: 'schema' }]);
  });

  it('tells no lost ticket where all slots for jobs that run again are busy', async () => {
    await overdueRetry('objects', 'object');
    await eventually(
      async () => {
        const { body } = await scene.send<{ workers: WorkerAnswer[] }>('GET', '/worker');
        return body.workers[0]?.slotsByQueue['objects']?.retryBusy === 1;
      },
      { withinMs: 30_000 },
    );
    await overdueRetry('objects', 'object');
    await eventually(async () => (await waitingMs('objects')) > 200_000);
    const { stdout } = await doctor();
    expect(stdout).toMatch(/^ok {7}tickets/m);
  });

  it('tells a job of a type that nobody runs as that, and as no lost ticket', async () => {
    await overdueRetry('shared', 'left:behind');
    const { stdout, code } = await eventually(async () => {
      const run = await doctor();
      return /^problem {2}attention .*No worker serves left:behind/m.test(run.stdout) && run;
    });
    expect(await waitingMs('shared')).toBeGreaterThan(200_000);
    expect(stdout).toMatch(/^ok {7}tickets/m);
    expect(code).toBe(7);
  });

  it('ends with 3 where nothing answers', async () => {
    const { code, stderr } = await runCliHere('http://127.0.0.1:1', ['doctor']);
    expect([code, stderr]).toEqual([3, expect.stringContaining('http://127.0.0.1:1') as string]);
  });
});

describe('rookery completion', () => {
  /** What bash would offer behind these words, the last of which is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const { stdout: script } = await runCliHere(scene.url, ['completion', 'bash']);
    const line = ['rookery', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _rookery; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', `${script}\n${ask}`]);
    return stdout.trim().split('\n');
  }

  it('offers commands, those below them, and options', async () => {
    expect(await offered('q')).toEqual(['queues']);
    expect(await offered('queues', 'p')).toEqual(['pause']);
    expect(await offered('list', '--st')).toEqual(['--status']);
    expect(await offered('job', 'list', '--st')).toEqual(['--status']);
    expect(await offered('nonsense', 'do')).toEqual(['doctor']);
  });

  it('refuses a shell there is none for', async () => {
    expect(await runCliHere(scene.url, ['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' });
  });
});
