import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAncestors, readFromProc, readFromPs } from '../../src/boot/ancestors.js';
import { BootApp, type BootEvent } from './boot-app.js';

let app: BootApp;

beforeAll(async () => {
  app = await BootApp.create();
});

afterAll(() => app.remove());

async function planOf(command: string, env: Record<string, string> = {}): Promise<BootEvent | undefined> {
  const running = app.run(command.split(' '), env);
  const { output } = await running.ended;
  return running.last('plan') ?? expect.fail(output);
}

describe('flags reach the application', () => {
  it.each([
    ['node dist/main.js --entry worker -p 9000 -t 5000 --queues a,b'],
    ['npx nest start --entry worker --port 9000 -t 5000 --queues a,b'],
    ['npx nest start --entry=worker --port=9000 --timeout=5s --queues=a,b'],
    ['npx nest start --entry worker --queues a,b -- -p 9000 --timeout 5s'],
    ['npx nest start --no-shell --entry worker --port 9000 -t 5000 --queues a,b'],
    ['npm start -- --entry worker -p 9000 -t 5000 --queues a,b'],
    ['npm run plain -- --entry worker --port 9000 -t 5000 --queues a,b'],
  ])('from %s', async (command) => {
    const plan = await planOf(command);
    expect(plan).toMatchObject({ entries: ['worker'], port: 9000, timeoutMs: 5_000, queueNames: ['a', 'b'] });
  });

  it('from nothing but ROOKERY_ENTRY and PORT', async () => {
    const plan = await planOf('npm start', { ROOKERY_ENTRY: 'job,status', PORT: '9000' });
    expect(plan).toMatchObject({ entries: ['job', 'status'], port: 9000 });
  });

  it('which is everything on port 8080 without any', async () => {
    expect(await planOf('npm start')).toMatchObject({ entries: ['all'], port: 8080 });
  });
});

describe('a wrong command line', () => {
  it('ends with exit code 2 and the list of entries', async () => {
    const { code, output } = await app.run(['node', 'dist/main.js', '--entry', 'wroker']).ended;
    expect(code).toBe(2);
    expect(output).toContain(
      '--entry: there is no entry "wroker"; did you mean worker? known: all, job, worker, scheduler, status',
    );
  });

  it('is refused also where the Nest CLI drops it', async () => {
    const { output } = await app.run(['npx', 'nest', 'start', '--entri', 'worker']).ended;
    expect(output).toContain('--entri: is no flag; did you mean --entry?');
  });

  it('without the dashes that npm wants is told how to write it', async () => {
    const { output } = await app.run(['npm', 'start', '--entry', 'worker']).ended;
    expect(output).toContain('Through npm, flags go behind two dashes: npm start -- --entry worker');
  });
});

describe('the processes above this one', () => {
  it('are read up to the first process of the machine or the container', () => {
    const ancestors = readAncestors(process.pid);
    expect(ancestors[0]?.pid).toBe(process.pid);
    expect(ancestors[0]?.args[0]).toMatch(/node/);
    expect(ancestors[1]?.pid).toBe(process.ppid);
  });

  it('are the same to ps, for systems without /proc', () => {
    const fromPs = readFromPs(process.ppid);
    const fromProc = readFromProc(process.ppid);
    expect(fromPs?.parent).toBe(fromProc?.parent);
    expect(fromPs?.ancestor.args.join(' ')).toBe(fromProc?.ancestor.args.join(' '));
  });

  it('are none for a pid that no process has', () => {
    expect(readAncestors(2 ** 22 + 1)).toEqual([]);
  });
});
