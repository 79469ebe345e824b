import { Client } from 'pg';

/** The `count` that a statement answers. */
export async function countIn(postgresUrl: string, sql: string): Promise<number> {
  const client = new Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: number }>(sql);
    return rows[0]?.count ?? Number.NaN;
  } finally {
    await client.end();
  }
}
