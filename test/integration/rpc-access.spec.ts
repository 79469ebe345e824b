import { Test, type TestingModule } from '@nestjs/testing';
import { connect } from '@nats-io/transport-node';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RookeryModule, defineConfig, type RookerySettings } from '../../src/index.js';
import { Health } from '../../src/kernel/health.js';
import { TRANSPORT, type Transport } from '../../src/modules/transport/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { makeNatsCredentials } from '../support/nats-credentials.js';
import { openNatsServer, type NatsServer } from '../support/nats-server.js';
import { Greet } from '../support/rest-app.js';
import { makeCertificates } from '../support/test-certificates.js';

let database: TestDatabase;
let nats: NatsServer | undefined;
let app: TestingModule | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  await nats?.close();
  app = nats = undefined;
});
afterAll(() => database.drop());

const lines: string[] = [];
const take = (message: unknown): void => void lines.push(String(message));

async function serverWith(config: string, files: Readonly<Record<string, string>> = {}): Promise<NatsServer> {
  nats = await openNatsServer({ config, isStarted: false });
  for (const [name, text] of Object.entries(files)) await writeFile(join(nats.folder, name), text);
  await nats.start();
  return nats;
}

/** Boots a job entry with these settings: tickets go out and a request is answered, or the test fails. */
async function expectToWork(
  settings: NonNullable<RookerySettings['nats']>,
  server: string,
  login: Parameters<typeof connect>[0] = {},
): Promise<void> {
  lines.length = 0;
  const config = defineConfig({ database: { url: database.url }, nats: settings }, {});
  app = await Test.createTestingModule({
    imports: [RookeryModule.forRoot({ entry: 'job', config }), RookeryModule.forFeature([Greet])],
  })
    .setLogger({ log: take, warn: take, error: take })
    .compile();
  await app.init();
  const transport = app.get<Transport>(TRANSPORT);
  await eventually(() => transport.isAvailable && lines.some((line) => line.startsWith('answers')));
  const client = await connect({ servers: server, ...login });
  const body = JSON.stringify({ name: 'greet', payload: { to: 'ada' } });
  const reply = await client.request('jobs.create', body, { timeout: 5_000 });
  expect(reply.json()).toHaveProperty('id');
  await client.close();
  await eventually(async () => (await transport.oldestTicketAt('mail', 'normal')).kind === 'at');
  expect(transport.stats.dropped).toBe(0);
  expect(app.get(Health).report()['transport']).toEqual({
    isLive: true,
    isReady: true,
    detail: 'NATS is there',
  });
}

describe('the settings for NATS', () => {
  it('let tickets and requests in by user and password, with no more permissions than the manual names', async () => {
    const subjects = '["rookery.>", "jobs.*", "$JS.API.>", "$JS.ACK.>", "_INBOX.>"]';
    const server = await serverWith(
      `authorization: { users: [ { user: rook, password: "p@ss:w",
         permissions: { publish: ${subjects}, subscribe: ${subjects} } } ] }`,
    );
    const login = { user: 'rook', pass: 'p@ss:w' };
    await expectToWork({ url: server.url, user: 'rook', password: 'p@ss:w' }, server.url, login);
    expect(lines.join('\n')).not.toMatch(/p@ss|ermission/);
  });

  it('let them in by token', async () => {
    const server = await serverWith('authorization: { token: "s3cret" }');
    await expectToWork({ url: server.url, token: 's3cret' }, server.url, { token: 's3cret' });
    expect(lines.join('\n')).not.toContain('s3cret');
  });

  it('let them in by credentials file, over TLS', async () => {
    const { authority, server: own } = makeCertificates();
    const credentials = makeNatsCredentials();
    const server = await serverWith(
      `${credentials.serverConfig}\ntls: { cert_file: "FOLDER/server.pem", key_file: "FOLDER/server.key" }`,
      {
        'ca.pem': authority.certificate,
        'server.pem': own.certificate,
        'server.key': own.key,
        'user.creds': credentials.userFile,
      },
    );
    const { credsAuthenticator } = await import('@nats-io/transport-node');
    await expectToWork(
      {
        url: `tls://127.0.0.1:${server.port}`,
        credentialsFile: join(server.folder, 'user.creds'),
        tls: { caFile: join(server.folder, 'ca.pem') },
      },
      server.url,
      {
        authenticator: credsAuthenticator(new TextEncoder().encode(credentials.userFile)),
        tls: { ca: authority.certificate },
      },
    );
  });

  it('that name a file which cannot be read fail the boot and name it', async () => {
    await expect(
      expectToWork({ url: 'nats://127.0.0.1:1', credentialsFile: '/nowhere/user.creds' }, ''),
    ).rejects.toThrow('/nowhere/user.creds');
  });

  it('that are refused by the server leave the process ready, working from the table', async () => {
    const server = await serverWith('authorization: { token: "s3cret" }');
    const config = defineConfig(
      { database: { url: database.url }, nats: { url: server.url, token: 'wrong' } },
      {},
    );
    lines.length = 0;
    app = await Test.createTestingModule({
      imports: [RookeryModule.forRoot({ entry: 'job', config }), RookeryModule.forFeature([Greet])],
    })
      .setLogger({ log: take, warn: take, error: take })
      .compile();
    await app.init();
    await eventually(() => lines.some((line) => /NATS is away \(.*uthorization/.test(line)));
    expect(app.get(Health).report()['transport']).toEqual({
      isLive: true,
      isReady: true,
      detail: 'NATS is away; jobs are found in the table',
    });
  });
});
