import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ hasSources: true });
const NPM = ['npm', 'start'];
const NEST = ['npx', 'nest', 'start'];

/** The Nest CLI itself, so that it is the process that gets the signal. */
function nest(): string[] {
  return [process.execPath, join(scene.app, 'node_modules/@nestjs/cli/bin/nest.js'), 'start'];
}

describe('a program started through npm or the Nest CLI', () => {
  it.each([
    ['SIGTERM', 'npm', () => NPM],
    ['SIGKILL', 'npm', () => NPM],
    ['SIGTERM', 'nest start', nest],
    ['SIGKILL', 'nest start', nest],
  ] as const)(
    'ends in order when %s ends %s, and leaves neither a process nor a database server',
    async (signal, _, command) => {
      const started = scene.run(command(), {}, 'app');
      await started.ready();
      expect(await scene.servers()).toHaveLength(1);
      started.signal(signal);
      await started.line(/stopping: .*gone|stopping: SIGTERM/);
      await started.line(/\bstopped$/);
      await scene.nothingIsLeft();
    },
  );

  it.each([
    ['npm start', NPM],
    ['npx nest start', NEST],
  ] as const)('ends in order when Ctrl-C at %s reaches them all, and leaves nothing', async (_, command) => {
    const started = scene.run(command, {}, 'app');
    await started.ready();
    started.signalGroup('SIGINT');
    await started.line(/\bstopped$/);
    await scene.nothingIsLeft();
    expect(started.output).not.toMatch(/at once|ERROR/);
  });
});
