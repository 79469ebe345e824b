import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { failOnLeaks } from '../support/leaks.js';

const PROGRAM = join(import.meta.dirname, '../../dist/cli/main.js');

describe('rookery start', () => {
  failOnLeaks();

  it('tells of the flags of the server', async () => {
    const run = await runCli(['start', '--help']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('--retry-concurrency');
  });

  it('exits 2 for a flag that the server does not know', async () => {
    const run = await runCli(['start', '--prot', '1']);
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('did you mean --port?');
  });
});

describe('a server started by rookery', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  it('runs in the same process, with the flags given, and exits 0 when it is asked to stop', async () => {
    const child = spawn(
      process.execPath,
      [PROGRAM, 'start', '--entry', 'all', '-p', '0', '--queues', 'objects'],
      {
        env: { ...process.env, DATABASE_URL: database.url, ROOKERY_SAMPLES_ENABLED: 'true' },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)));
    try {
      const url = await eventually(() => /ready: .*?(http:\/\/[\d.]+:\d+)/.exec(output)?.[1], {
        withinMs: 20_000,
      });
      await eventually(async () => {
        const { stdout } = await runCli(['workers', '--json', '--url', url]);
        const { workers } = JSON.parse(stdout) as { workers: { pid: number; queues: string[] }[] };
        return workers[0]?.pid === child.pid && workers[0]?.queues.join() === 'objects';
      });
      child.kill('SIGTERM');
      const [code] = (await once(child, 'close')) as [number];
      expect(code, output).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
