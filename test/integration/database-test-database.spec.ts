import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

async function leak(testDatabase: TestDatabase): Promise<Client> {
  const client = new Client({ connectionString: testDatabase.url, application_name: 'leaky' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('a test database', () => {
  it('is migrated, empty and nobody else’s', async () => {
    const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await one.query(`INSERT INTO queue (name) VALUES ('mail')`);
    await expect(one.query('SELECT count(*)::int AS jobs FROM job')).resolves.toEqual([{ jobs: 0 }]);
    await expect(other.query('SELECT name FROM queue')).resolves.toEqual([]);
    await Promise.all([one.drop(), other.drop()]);
  });

  it('names a session that was left open when it is dropped, unless leaks are allowed', async () => {
    const strict = await createTestDatabase();
    const tolerant = await createTestDatabase();
    const clients = [await leak(strict), await leak(tolerant)];
    await expect(strict.drop()).rejects.toThrow('left open: leaky (idle)');
    await tolerant.drop({ allowLeaks: true });
    await Promise.all(clients.map((client) => client.end()));
  });
});
