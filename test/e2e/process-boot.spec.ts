import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/database.js';
import { ended, enqueue } from '../support/process-api.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene();
const WITH_SAMPLES = { ROOKERY_SAMPLES_ENABLED: 'true' };

describe('a start with nothing installed', () => {
  it('makes a database, answers over HTTP and says in one line where; a second start finds the jobs of the first', async () => {
    const first = scene.start([], WITH_SAMPLES);
    const url = await first.ready();
    // No terminal reads it.
    expect(first.rawOutput).not.toContain('\u001b');
    expect(first.lines.filter((line) => line.includes('ready:'))).toHaveLength(1);
    expect(first.lines.at(-1)).toMatch(new RegExp(`ready: all at ${url} \\(try ${url}/dashboard\\)$`));
    expect((await first.get('/health/live')).status).toBe(200);
    expect((await first.get('/health/ready')).status).toBe(200);
    const id = await enqueue(first, 'example:job', { param: 'kept' });
    expect(await ended(first, id)).toMatchObject({ status: 'done', result: { param: 'kept' } });
    expect(await first.stop()).toMatchObject({ code: 0 });
    await scene.nothingIsLeft();

    const second = scene.start([], WITH_SAMPLES);
    expect((await second.get(`/job/${id}`)).body).toMatchObject({
      id,
      status: 'done',
      result: { param: 'kept' },
    });
    expect(second.output).not.toContain('making a PostgreSQL');
    expect((await second.get('/status')).body).toMatchObject({
      processed: 1,
      done: 1,
      waiting: 0,
      executing: 0,
    });
  });

  it('shares the database server of a process that runs on the same folder, and leaves it to that one', async () => {
    const [first, second] = [scene.start([], WITH_SAMPLES), scene.start([], WITH_SAMPLES)];
    await Promise.all([first.ready(), second.ready()]);
    expect(await scene.servers()).toHaveLength(1);
    const id = await enqueue(first, 'example:job', { param: 'shared' });
    expect(await first.stop()).toMatchObject({ code: 0 });
    expect(await ended(second, id)).toMatchObject({ status: 'done' });
    expect(await second.stop()).toMatchObject({ code: 0 });
    await scene.nothingIsLeft();
  });
});

describe('DATABASE_URL', () => {
  it('is used instead, and no server is started', async () => {
    const database = await createTestDatabase({ isEmpty: true });
    try {
      const started = scene.start([], { ...WITH_SAMPLES, DATABASE_URL: database.url });
      const id = await enqueue(started, 'example:job', { param: 'there' });
      expect(await ended(started, id)).toMatchObject({ status: 'done' });
      expect(await database.query('SELECT status FROM job WHERE id = $1', [id])).toEqual([
        { status: 'done' },
      ]);
      expect(await scene.postgres()).toEqual([]);
      expect(await started.stop()).toMatchObject({ code: 0 });
    } finally {
      await database.drop();
    }
  });
});

describe('a command line that asks for text', () => {
  it('prints the help and ends', async () => {
    const { code, output } = await scene.start(['--help']).ended;
    expect(code).toBe(0);
    expect(output).toContain('Entries, for --entry:');
    expect(output).toContain('--retry-concurrency');
  });

  it('prints the version and ends', async () => {
    const { version } = JSON.parse(await readFile(join(scene.app, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await scene.start(['--version']).ended).toMatchObject({ code: 0, output: version });
  });
});

describe('a mistake in the settings', () => {
  it('ends with exit code 2 and the list of entries where --entry names none of them', async () => {
    const { code, output } = await scene.start(['--entry', 'nobody']).ended;
    expect(code).toBe(2);
    expect(output).toContain('there is no entry "nobody"; known: all, job, worker, scheduler, status');
  });

  it('ends with exit code 2 and every mistake at once, wherever it was made', async () => {
    const file = join(scene.scratch, 'wrong.yaml');
    await writeFile(file, 'defaults:\n  concurency: 5\n');
    const { code, output } = await scene.start(['--config', file, '--timeout', '0', '--port', '70000'], {
      ROOKERY_LOG_LEVEL: 'loud',
    }).ended;
    expect(code).toBe(2);
    for (const word of ['concurency', 'concurrency', '--timeout', '--port', 'loud'])
      expect(output).toContain(word);
    expect(await scene.running()).toEqual([]);
  });
});

describe('--queues', () => {
  it('that names a queue without handlers ends with exit code 2 and those there are, and leaves nothing', async () => {
    const { code, output } = await scene.start(['--queues', 'shared,nowhere'], WITH_SAMPLES).ended;
    expect(output).toContain(
      'rookery: no job type with a handler has the queue "nowhere"; queues with handlers here: applicant, example-job, http-request, objects, shared',
    );
    expect(code).toBe(2);
    await scene.nothingIsLeft();
  });
});

describe('a port that is taken', () => {
  it('ends the process with exit code 1 and what to do about it, and leaves nothing', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    try {
      const { code, output } = await scene.start(['--port', String(port)]).ended;
      expect(code).toBe(1);
      expect(output).toContain(
        `127.0.0.1:${port}; another process listens there: stop it, or choose another port with --port`,
      );
      expect(output).not.toContain('    at ');
      await scene.nothingIsLeft();
    } finally {
      server.close();
    }
  });
});
