import { describe, expect, it } from 'vitest';
import { launchersOf, nestStartArguments, type Ancestor } from './launchers.js';

function chain(...commands: string[][]): Ancestor[] {
  return commands.map((args, index) => ({ pid: 1000 - index, args }));
}

function commandsOf(ancestors: readonly Ancestor[]): string[] {
  return launchersOf(ancestors).map(({ args }) => args.join(' '));
}

const prompt = ['-bash'];
const appShell = ['/bin/sh', '-c', 'node --enable-source-maps dist/main'];
const nest = ['node', '/app/node_modules/.bin/nest', 'start', '--entry', 'worker'];
const nestShell = ['sh', '-c', 'nest start --entry worker'];
const npm = ['npm', 'start', '--entry', 'worker'];

describe('launchersOf', () => {
  it('finds npm, the Nest CLI and the shells between', () => {
    expect(commandsOf(chain(appShell, nest, nestShell, npm, prompt))).toEqual(
      [appShell, nest, nestShell, npm].map((args) => args.join(' ')),
    );
  });

  it('finds nothing when a prompt, a script or a supervisor started the process', () => {
    for (const parent of [
      prompt,
      ['bash'],
      ['bash', 'run.sh'],
      ['/usr/bin/node', 'supervisor.js'],
      ['/sbin/init'],
    ]) {
      expect(commandsOf(chain(parent))).toEqual([]);
    }
    expect(commandsOf(chain(['sh', '-c', 'node dist/main.js'], ['cron']))).toEqual([]);
    expect(commandsOf([])).toEqual([]);
  });

  it('leaves out a shell above npm, which is somebody else’s script', () => {
    expect(commandsOf(chain(npm, ['bash', '-c', 'npm start & exit']))).toEqual(['npm start --entry worker']);
  });

  it('does not look past a process that is no launcher', () => {
    expect(commandsOf(chain(['node', 'vitest.js'], ['sh', '-c', 'vitest'], ['npm', 'test']))).toEqual([]);
  });

  it.each([
    [['node', '/usr/lib/node_modules/npm/bin/npm-cli.js', 'start']],
    [['npx', 'nest', 'start']],
    [['/usr/bin/node', '/usr/bin/pnpm', 'start']],
    [['node', '/x/yarn.js', 'start']],
    [['nest', 'start']],
    [['node', '--no-warnings', '/app/node_modules/@nestjs/cli/bin/nest.js', 'start']],
  ])('knows %j', (args) => {
    expect(launchersOf(chain(args))).toHaveLength(1);
  });

  it('does not take other commands of the Nest CLI for nest start', () => {
    expect(launchersOf(chain(['node', '/app/node_modules/.bin/nest', 'build']))).toEqual([]);
  });
});

describe('nestStartArguments', () => {
  it('answers what follows start', () => {
    expect(nestStartArguments(chain(appShell, nest, nestShell, npm))).toEqual(['--entry', 'worker']);
  });

  it('answers nothing when nest start did not begin the process', () => {
    expect(nestStartArguments(chain(['sh', '-c', 'node dist/main.js'], npm))).toBeUndefined();
    expect(nestStartArguments(chain(prompt, nest))).toBeUndefined();
  });
});
