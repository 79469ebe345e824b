import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { flagsOf } from './flags-of.js';

interface Flags {
  readonly limit: string;
  readonly json?: boolean;
}

/** What `jobs`, below `batches`, reads from the line; both have a limit, with defaults of their own. */
function read(...argv: readonly string[]): Flags {
  const program = new Command().enablePositionalOptions();
  const batches = program.command('batches').option('--limit <n>', '', '20').option('--json');
  let flags: Flags | undefined;
  batches
    .command('jobs')
    .argument('<id>')
    .option('--limit <n>', '', '50')
    .option('--json')
    .action((_id: string, _flags: Flags, command: Command) => {
      flags = flagsOf<Flags>(command);
    });
  program.parse(['batches', ...argv], { from: 'user' });
  if (!flags) throw new Error('the command did not run');
  return flags;
}

describe('flagsOf', () => {
  it.each([
    ['its own', ['jobs', 'b1', '--limit', '100'], { limit: '100' }],
    ['that of the command above it', ['--limit', '5', 'jobs', 'b1'], { limit: '5' }],
    ['its own rather than that above', ['--limit', '5', 'jobs', 'b1', '--limit', '100'], { limit: '100' }],
    [
      'its own even where it repeats the default',
      ['--limit', '5', 'jobs', 'b1', '--limit', '50'],
      { limit: '50' },
    ],
    ['its own default, where none is given', ['jobs', 'b1'], { limit: '50' }],
    ['a switch from before the command', ['--json', 'jobs', 'b1'], { limit: '50', json: true }],
  ])('has a command go by %s', (_, argv, flags) => {
    expect(read(...argv)).toEqual(flags);
  });
});
