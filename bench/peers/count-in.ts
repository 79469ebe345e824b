import { Client } from 'pg';
import type { Question } from './peer.js';

/** The `count` that a statement answers. */
export async function countIn(postgresUrl: string, sql: string): Promise<number> {
  const question = await openCount(postgresUrl, sql);
  try {
    return await question.left();
  } finally {
    await question.close();
  }
}

/** A statement that answers a `count`, asked on one connection. */
export async function openCount(postgresUrl: string, sql: string): Promise<Question> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  return {
    async left() {
      const { rows } = await client.query<{ count: number }>(sql);
      return rows[0]?.count ?? Number.NaN;
    },
    close: () => client.end(),
  };
}
