import { describe, expect, it } from 'vitest';
import { serverSettings } from './server-settings.js';

const GIGABYTE = 1024 ** 3;

describe('serverSettings', () => {
  it.each([
    ['a quarter of the memory', 2, '512MB'],
    ['no more than a gigabyte', 64, '1024MB'],
    ['no less than 128 MB', 0.25, '128MB'],
  ])('gives the buffers %s', (_, gigabytes, buffers) => {
    expect(serverSettings(gigabytes * GIGABYTE).shared_buffers).toBe(buffers);
  });

  it('has room for the locks of the largest request, 10,000 jobs with two keys each', () => {
    const { max_connections, max_locks_per_transaction } = serverSettings(GIGABYTE);
    expect(Number(max_connections) * Number(max_locks_per_transaction)).toBeGreaterThan(20_000);
  });

  it('is durable unless told otherwise', () => {
    expect(serverSettings(GIGABYTE)).toMatchObject({ fsync: 'on', synchronous_commit: 'on' });
    expect(serverSettings(GIGABYTE, { fsync: 'off' })).toMatchObject({
      fsync: 'off',
      synchronous_commit: 'on',
    });
  });
});
