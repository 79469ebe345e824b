import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { failOnLeaks } from '../support/leaks.js';

failOnLeaks();

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** A server that is no Rookery, or a broken one. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port that nobody listens on, because its listener is gone. */
async function freePort(): Promise<number> {
  const url = new URL(await serve(() => undefined));
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  return Number(url.port);
}

async function folderWith(settings: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-cli-'));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'rookery.yaml'), settings);
  return folder;
}

describe('rookery enqueue --wait, whose server goes away', () => {
  const id = '01a2031e-4e1b-7000-b7c3-9f365bbfc2ba';
  const enqueue = ['enqueue', '--name', 'mail'];

  /** Takes a job and tells of it; `answers` says whether a question about it is answered, else it goes to `away`. */
  function serveJob(
    answers: (question: number) => boolean,
    away: RequestListener = (_, response) => response.destroy(),
  ): Promise<string> {
    let questions = 0;
    return serve((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'POST') {
        response.statusCode = 201;
        response.end(JSON.stringify({ id, status: 'waiting' }));
      } else if (answers(++questions)) {
        response.end(JSON.stringify({ id, status: 'done', result: 'sent', attempt: 1, maxAttempts: 3 }));
      } else away(request, response);
    });
  }

  it('waits for it to come back', async () => {
    const url = await serveJob((question) => question > 2);
    expect(await runCli([...enqueue, '--wait', '--url', url])).toMatchObject({
      code: 0,
      stdout: `enqueued ${id}\ndone "sent"\n`,
    });
  });

  it.each([502, 503, 504])(
    'waits for it behind a proxy that answers %i with a page meanwhile',
    async (status) => {
      const url = await serveJob(
        (question) => question > 2,
        (_, response) => response.writeHead(status, { 'content-type': 'text/html' }).end('<html>away</html>'),
      );
      expect(await runCli([...enqueue, '--wait', '--url', url])).toMatchObject({
        code: 0,
        stdout: `enqueued ${id}\ndone "sent"\n`,
      });
    },
  );

  it('says in the end that the job is stored, and how to wait on', async () => {
    const url = await serveJob(() => false);
    expect(await runCli([...enqueue, '--wait=1s', '--url', url])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`job ${id} is stored; rookery watch ${id} waits on\n`) as string,
    });
    const { code, stderr } = await runCli([...enqueue, '--wait=1s', '--json', '--url', url]);
    expect(code).toBe(3);
    expect(JSON.parse(stderr)).toMatchObject({ remedy: `job ${id} is stored; rookery watch ${id} waits on` });
  });
});

describe('rookery, asked for what it does', () => {
  it('lists commands and exit codes and exits 0', async () => {
    const run = await runCli(['--help']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    for (const word of ['enqueue', 'watch', 'queues', 'workers', 'status', 'start', 'Exit codes:']) {
      expect(run.stdout).toContain(word);
    }
  });

  it('prints its version', async () => {
    expect(await runCli(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });
});

describe('rookery exits 2 before it asks anyone', () => {
  it.each([
    ['no command', [], 'Usage: rookery'],
    ['an unknown command', ['enqeue'], 'Did you mean enqueue?'],
    ['an unknown option', ['list', '--stauts', 'done'], 'Did you mean --status?'],
    ['no name', ['enqueue', '{}'], '--name'],
    ['a payload that is no JSON', ['enqueue', '--name', 'x', '{param:1}'], 'the payload is no JSON'],
    ['a file that is not there', ['enqueue', '--name', 'x', '@/no/such.json'], 'cannot read the payload'],
    ['two payloads', ['enqueue', '--name', 'x', '{}', '{}'], 'too many arguments'],
    ['a wait that is no duration', ['enqueue', '--name', 'x', '--wait=soon'], 'no duration'],
    ['a wait of no whole number', ['enqueue', '--name', 'x', '--wait', '1.5'], '"1.5" is no duration'],
    ['attempts that are no number', ['enqueue', '--name', 'x', '--max-attempts', 'three'], 'no number'],
    ['a URL that is none', ['status', '--url', 'localhost:8080'], 'no URL of a server'],
    ['nothing to cancel', ['cancel'], 'say which jobs to cancel'],
    ['ids and a filter', ['retry', 'x', '--status', 'failed'], 'either ids or a filter'],
  ])('%s', async (_, args, message) => {
    const run = await runCli(args);
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain(message);
  });

  it('settings that are wrong, when they decide where the server is', async () => {
    const cwd = await folderWith('http:\n  prot: 9000\n');
    const run = await runCli(['status'], { cwd });
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/did you mean port\?[^]*name the server with --url/);
    expect((await runCli(['status', '--url', 'http://127.0.0.1:1'], { cwd })).code).toBe(3);
  });
});

describe('rookery exits 3', () => {
  it('when nothing answers, and says how to start something', async () => {
    const port = await freePort();
    const run = await runCli(['status'], { env: { PORT: String(port) } });
    expect([run.code, run.stdout]).toEqual([3, '']);
    expect(run.stderr).toBe(
      `error: nothing answers at http://127.0.0.1:${port}; start one with npm start\n` +
        '  --url or ROOKERY_URL names a server elsewhere\n',
    );
  });

  it('with the port of rookery.yaml', async () => {
    const port = await freePort();
    const cwd = await folderWith(`http:\n  port: ${port}\n`);
    expect((await runCli(['status'], { cwd })).stderr).toContain(
      `nothing answers at http://127.0.0.1:${port};`,
    );
  });

  it('when the server cannot serve now', async () => {
    const url = await serve((_, response) => {
      response.writeHead(503, { 'content-type': 'application/problem+json' });
      response.end('{"status":503,"code":"database_unavailable","detail":"the database does not answer"}');
    });
    const run = await runCli(['status', '--url', url]);
    expect(run).toMatchObject({
      code: 3,
      stderr: 'error: database_unavailable: the database does not answer\n',
    });
  });

  it.each([
    ['asked', ['status']],
    ['told to remove', ['schedules', 'delete', 'nightly']],
  ])('when a proxy %s answers that nobody is behind it', async (_, args) => {
    const url = await serve((_request, response) => response.writeHead(502).end('<html>bad gateway</html>'));
    expect(await runCli([...args, '--url', url])).toMatchObject({
      code: 3,
      stderr: `error: ${url} cannot serve now: it answered 502\n`,
    });
  });

  it('when the name of the server is unknown', async () => {
    const run = await runCli(['status', '--url', 'http://rookery.invalid']);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain('http://rookery.invalid cannot be reached: ');
  });
});

describe('rookery exits 1', () => {
  it.each([
    ['a page', 200, '<html>hello</html>'],
    ['no page', 404, 'not found'],
  ])('when what answers is no Rookery: %s', async (_, status, body) => {
    const url = await serve((_request, response) => response.writeHead(status).end(body));
    const run = await runCli(['status', '--url', url]);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`what answers at ${url} is no Rookery`);
  });
});

describe('rookery', () => {
  it('keeps the path of a URL, for a server behind a proxy', async () => {
    const paths: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      paths.push(request.url);
      response.end('{"queues":[]}');
    });
    expect(await runCli(['queues', '--url', `${url}/rookery/`])).toMatchObject({
      code: 0,
      stderr: 'no queues yet\n',
    });
    expect(paths).toEqual(['/rookery/queue']);
  });

  it('tells at most 20 of many problems', async () => {
    const issues = Array.from({ length: 25 }, (_, index) => ({ path: `[${index}]`, message: 'is wrong' }));
    const url = await serve((_, response) => {
      response.writeHead(400).end(JSON.stringify({ code: 'invalid_payload', detail: 'all wrong', issues }));
    });
    const { stderr } = await runCli(['status', '--url', url]);
    expect(stderr.split('\n')).toHaveLength(23);
    expect(stderr).toContain('  [19]: is wrong\n  and 5 more\n');
  });
});
