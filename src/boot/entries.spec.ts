import { describe, expect, it } from 'vitest';
import { RookeryError } from '../kernel/errors.js';
import { parseEntries } from './entries.js';
import type { Ancestor } from './launchers.js';

const nestStart: readonly Ancestor[] = [
  { pid: 3, args: ['/bin/sh', '-c', 'node dist/main'] },
  { pid: 2, args: ['node', '/app/node_modules/.bin/nest', 'start', '--entry', 'status'] },
];

function refusal(argv: string[], env: Record<string, string> = {}): RookeryError {
  try {
    parseEntries(argv, env, []);
  } catch (error) {
    if (error instanceof RookeryError) return error;
  }
  throw new Error('nothing was refused');
}

describe('parseEntries', () => {
  it('takes the own command line before that of nest start, that before ROOKERY_ENTRY, and all for none', () => {
    const env = { ROOKERY_ENTRY: 'scheduler' };
    expect(parseEntries(['--entry', 'worker'], env, nestStart)).toEqual(['worker']);
    expect(parseEntries(['--entry=worker'], env, nestStart)).toEqual(['worker']);
    expect(parseEntries([], env, nestStart)).toEqual(['status']);
    expect(parseEntries([], env, [])).toEqual(['scheduler']);
    expect(parseEntries([], { ROOKERY_ENTRY: '' }, [])).toEqual(['all']);
    expect(parseEntries([], {}, [])).toEqual(['all']);
  });

  it('takes several, each once, in one order', () => {
    expect(parseEntries(['--entry', 'scheduler, job,job'], {}, [])).toEqual(['job', 'scheduler']);
  });

  it('takes all for everything', () => {
    expect(parseEntries(['--entry', 'worker,all'], {}, [])).toEqual(['all']);
  });

  it('refuses an unknown name with the list and the one that was meant', () => {
    const error = refusal(['--entry', 'wroker']);
    expect(error.code).toBe('invalid_config');
    expect(error.message).toContain(
      '--entry: there is no entry "wroker"; did you mean worker? known: all, job, worker, scheduler, status',
    );
    expect(refusal([], { ROOKERY_ENTRY: 'zork' }).message).toContain(
      'ROOKERY_ENTRY: there is no entry "zork"; known: all, job, worker, scheduler, status',
    );
    expect(refusal(['--entry', ',']).message).toContain('--entry: names no entry; known: all,');
  });
});
