import { describe, expect, it } from 'vitest';
import { readPostmasterFile } from './postmaster-file.js';

const FILE = '4711\n/data\n1700000000\n5433\n\n127.0.0.1\n  1234567   42\n';

describe('readPostmasterFile', () => {
  it.each(['ready', 'stopping', 'starting'] as const)('reads pid, port and the status %s', (status) => {
    expect(readPostmasterFile(`${FILE}${status}   \n`)).toEqual({ pid: 4711, port: 5433, status });
  });

  it('takes a server that has not told its status for one that is starting', () => {
    expect(readPostmasterFile(FILE)).toMatchObject({ status: 'starting' });
    expect(readPostmasterFile('4711\n')).toEqual({ pid: 4711, port: 0, status: 'starting' });
  });

  it.each(['', '\n', 'no pid\n', '-4711\n'])('finds no server in %j', (text) => {
    expect(readPostmasterFile(text)).toBeUndefined();
  });
});
