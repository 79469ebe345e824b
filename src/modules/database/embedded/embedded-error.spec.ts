import { describe, expect, it } from 'vitest';
import { toolError } from './embedded-error.js';

describe('toolError', () => {
  it.each([
    ['FATAL:  could not write lock file: No space left on device', 'disk_full', 'free some space'],
    ['ENOSPC: no space left on device, write', 'disk_full', 'free some space'],
    ['initdb: could not look up effective user ID 4242', 'start_failed', 'DATABASE_URL'],
    ['FATAL:  could not map anonymous shared memory', 'start_failed', 'shared_buffers'],
    ['FATAL:  database files are incompatible with server', 'data_version', 'begin anew'],
    ['could not open file: Permission denied', 'folder_unusable', 'writable'],
    ['PANIC:  could not locate a valid checkpoint record', 'start_failed', 'backup'],
  ])('names the remedy for %j', (words, failure, remedy) => {
    const error = toolError('it failed', words);
    expect(error).toMatchObject({ code: 'database_unavailable', details: { failure } });
    expect(error.message).toContain(remedy);
    expect(error.message).toContain(words);
  });

  it('shows the last words of a long output', () => {
    const words = Array.from({ length: 40 }, (_, line) => `line ${line}`).join('\n');
    const { message } = toolError('it failed', words);
    expect(message).toContain('line 39');
    expect(message).not.toContain('line 20');
  });
});
