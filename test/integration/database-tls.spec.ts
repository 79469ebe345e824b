import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/modules/database/index.js';
import { openEmbeddedPostgres } from '../../src/modules/database/embedded/index.js';
import { chooseServerUser } from '../../src/modules/database/embedded/server-user.js';
import { makeCertificates } from '../support/test-certificates.js';

let folder: string;
let server: { readonly url: string; close(): Promise<void> };
const databases: Database[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rookery-tls-'));
  await chmod(folder, 0o755);
  const { authority, server: own, client } = makeCertificates();
  const files = {
    'ca.pem': authority.certificate,
    'other-ca.pem': makeCertificates().authority.certificate,
    'server.pem': own.certificate,
    'server.key': own.key,
    'client.pem': client.certificate,
    'client.key': client.key,
  };
  for (const [name, text] of Object.entries(files))
    await writeFile(join(folder, name), text, { mode: 0o644 });
  // PostgreSQL refuses a key that others can read.
  await chmod(join(folder, 'server.key'), 0o600);
  const user = await chooseServerUser({ uid: 0, gid: 0 });
  if (user) await chown(join(folder, 'server.key'), user.uid, user.gid);
  const settings = {
    ssl: 'on',
    ssl_cert_file: join(folder, 'server.pem'),
    ssl_key_file: join(folder, 'server.key'),
    ssl_ca_file: join(folder, 'ca.pem'),
    fsync: 'off',
  };
  server = await openEmbeddedPostgres({ folder: join(folder, 'data'), settings });
});

afterEach(async () => {
  for (const database of databases.splice(0)) await database.close();
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** Opens every kind of session Rookery has. */
async function open(parameters: string): Promise<Database> {
  const database = new Database({
    settings: { url: `${server.url}?${parameters}`, schema: 'public', folder: '' },
    log: { log: () => undefined, warn: () => undefined },
  });
  databases.push(database);
  await database.open();
  return database;
}

interface SessionRow {
  readonly name: string;
  readonly ssl: boolean;
  readonly client: string | null;
}

async function sessionsOf(database: Database): Promise<readonly SessionRow[]> {
  const hot = database.hot('tls', { durable: true });
  await hot.query({ name: 'one', text: 'SELECT 1', values: [] });
  await database.dataSource.query('SELECT 1');
  return database.control.query<SessionRow>(
    `SELECT application_name AS name, ssl, client_dn AS client FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
      WHERE application_name LIKE 'rookery:%'`,
    [],
  );
}

const file = (name: string): string => encodeURIComponent(join(folder, name));

describe('PostgreSQL with TLS', () => {
  it('is trusted by the authority that sslrootcert names, in every session', async () => {
    const sessions = await sessionsOf(await open(`sslmode=verify-full&sslrootcert=${file('ca.pem')}`));
    expect(sessions.length).toBeGreaterThanOrEqual(3);
    for (const session of sessions) expect(session).toMatchObject({ ssl: true, client: null });
  });

  it('gets the certificate that sslcert and sslkey name', async () => {
    const parameters = `sslmode=verify-full&sslrootcert=${file('ca.pem')}&sslcert=${file('client.pem')}&sslkey=${file('client.key')}`;
    for (const session of await sessionsOf(await open(parameters)))
      expect(session).toMatchObject({ ssl: true, client: '/CN=client' });
  });

  it('is not asked who it is with sslmode=no-verify, and the connection is encrypted all the same', async () => {
    for (const session of await sessionsOf(await open('sslmode=no-verify'))) expect(session.ssl).toBe(true);
  });

  it.each([
    ['of another authority', `sslmode=verify-full&sslrootcert=other-ca.pem`],
    ['of an authority nobody here knows', 'sslmode=verify-full'],
    ['of an authority nobody here knows, with sslmode=require', 'sslmode=require'],
  ])('is refused when its certificate is %s, with what to do', async (_whose, parameters) => {
    await expect(open(parameters.replace('other-ca.pem', file('other-ca.pem')))).rejects.toThrow(
      /certificate.*; add sslrootcert=FILE to DATABASE_URL, or sslmode=no-verify/,
    );
  });
});
