import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ hasSources: true });

/** The Nest CLI itself, so that it is the process that gets the signal. */
function nest(...args: string[]): string[] {
  return [process.execPath, join(scene.app, 'node_modules/@nestjs/cli/bin/nest.js'), ...args];
}

/** Starts the program, and checks that it is what its command line asked for. */
async function startAs(entries: string, command: readonly string[]): Promise<RookeryProcess> {
  const started = scene.run(command, {}, 'app');
  const url = await started.ready();
  await started.line(new RegExp(`ready: ${entries} at `));
  const { status } = await fetch(`${url}/health/ready`);
  expect(status).toBe(200);
  expect(await scene.servers()).toHaveLength(1);
  return started;
}

describe('a program started through npm or the Nest CLI is the entry it was told to be', () => {
  it.each([
    ['SIGTERM', 'npm start -- --entry worker', 'worker', () => ['npm', 'start', '--', '--entry', 'worker']],
    ['SIGKILL', 'npm start', 'all', () => ['npm', 'start']],
    ['SIGTERM', 'nest start --entry worker', 'worker', () => nest('start', '--entry', 'worker')],
    ['SIGKILL', 'nest start --entry=job,status', 'job, status', () => nest('start', '--entry=job,status')],
  ] as const)('and ends in order when %s ends %s', async (signal, _, entries, command) => {
    const started = await startAs(entries, command());
    started.signal(signal);
    await started.line(/stopping: .*gone|stopping: SIGTERM/);
    await started.line(/\bstopped$/);
    await scene.nothingIsLeft();
  });

  it.each([
    ['npm start', 'all', ['npm', 'start']],
    ['npx nest start --entry=worker', 'worker', ['npx', 'nest', 'start', '--entry=worker']],
    [
      'npx nest start --watch --entry worker',
      'worker',
      ['npx', 'nest', 'start', '--watch', '--entry', 'worker'],
    ],
    [
      'node dist/main.js --entry scheduler,job',
      'job, scheduler',
      ['node', 'dist/main.js', '--entry', 'scheduler,job'],
    ],
  ] as const)('and ends in order when Ctrl-C at %s reaches them all', async (_, entries, command) => {
    const started = await startAs(entries, command);
    started.signalGroup('SIGINT');
    await started.line(/\bstopped$/);
    await scene.nothingIsLeft();
    expect(started.output).not.toMatch(/at once|ERROR/);
  });
});
