import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/kernel/clock.js';
import type { NatsAccess } from '../../src/modules/transport/nats/nats-access.js';
import { NatsTransport } from '../../src/modules/transport/nats/nats-transport.js';
import { drain, idsOf, newIds, QUEUE } from '../contract/transport-harness.js';
import { eventually } from '../support/eventually.js';
import { failOnLeaks } from '../support/leaks.js';
import { makeNatsCredentials } from '../support/nats-credentials.js';
import { type NatsServer, openNatsServer } from '../support/nats-server.js';
import { makeCertificates, type TestCertificates } from '../support/test-certificates.js';

describe('access to NATS', () => {
  failOnLeaks();

  const servers: NatsServer[] = [];
  const transports: NatsTransport[] = [];

  beforeAll(() => Logger.overrideLogger(false));

  afterEach(async () => {
    await Promise.all(transports.splice(0).map((transport) => transport.stop()));
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });

  async function openServer(config: string): Promise<NatsServer> {
    const server = await openNatsServer({ config, isStarted: false });
    servers.push(server);
    return server;
  }

  async function start(access: NatsAccess): Promise<NatsTransport> {
    const transport = new NatsTransport({ access, clock: systemClock });
    transports.push(transport);
    await transport.start();
    return transport;
  }

  /** A ticket goes through: signing in, JetStream and all. */
  async function expectToWork(access: NatsAccess): Promise<void> {
    const transport = await start(access);
    await eventually(() => transport.isAvailable);
    const ids = newIds(3);
    transport.offer(QUEUE, 'normal', ids);
    expect(idsOf(await drain(transport, 3))).toEqual(ids);
  }

  async function expectToBeRefused(access: NatsAccess): Promise<void> {
    const warnings: string[] = [];
    Logger.overrideLogger({
      log: () => undefined,
      error: () => undefined,
      warn: (text: string) => void warnings.push(text),
    });
    const transport = await start(access);
    await eventually(() => warnings.length > 0);
    expect(transport.isAvailable).toBe(false);
    Logger.overrideLogger(false);
  }

  test('user and password, as fields and in the URL', async () => {
    const server = await openServer('authorization: { user: rook, password: "p@ss:w" }');
    await server.start();
    await expectToWork({ servers: server.url, user: 'rook', pass: 'p@ss:w' });
    await expectToWork({ servers: `nats://rook:p%40ss%3Aw@127.0.0.1:${server.port}` });
    await expectToBeRefused({ servers: server.url, user: 'rook', pass: 'wrong' });
    await expectToBeRefused({ servers: server.url });
  });

  test('a token, as a field and in the URL', async () => {
    const server = await openServer('authorization: { token: "s3cret" }');
    await server.start();
    await expectToWork({ servers: server.url, token: 's3cret' });
    await expectToWork({ servers: `nats://s3cret@127.0.0.1:${server.port}` });
    await expectToBeRefused({ servers: server.url, token: 'wrong' });
  });

  test('a credentials file', async () => {
    const credentials = makeNatsCredentials();
    const server = await openServer(credentials.serverConfig);
    await server.start();
    const credsFile = join(server.folder, 'user.creds');
    await writeFile(credsFile, credentials.userFile);
    await expectToWork({ servers: server.url, credsFile });
    await writeFile(credsFile, makeNatsCredentials().userFile);
    await expectToBeRefused({ servers: server.url, credsFile });
  });

  test('a refused login is tried again, and let in once the server knows it', async () => {
    const credentials = makeNatsCredentials();
    const server = await openServer(credentials.serverConfig);
    await server.start();
    const credsFile = join(server.folder, 'user.creds');
    await writeFile(credsFile, makeNatsCredentials().userFile);
    const transport = await start({ servers: server.url, credsFile });
    await writeFile(credsFile, credentials.userFile);
    await eventually(() => transport.isAvailable);
  });

  describe('TLS', () => {
    let certificates: TestCertificates;

    beforeAll(() => {
      certificates = makeCertificates();
    });

    async function openEncrypted(lines: string): Promise<NatsServer> {
      const server = await openServer(
        `tls: { cert_file: "FOLDER/server.pem", key_file: "FOLDER/server.key", ca_file: "FOLDER/ca.pem", ${lines} }`,
      );
      const files = {
        'ca.pem': certificates.authority.certificate,
        'server.pem': certificates.server.certificate,
        'server.key': certificates.server.key,
        'client.pem': certificates.client.certificate,
        'client.key': certificates.client.key,
        'other-ca.pem': makeCertificates().authority.certificate,
      };
      for (const [name, text] of Object.entries(files)) await writeFile(join(server.folder, name), text);
      await server.start();
      return server;
    }

    test('a server of an own authority is trusted by its file, and by no other', async () => {
      const server = await openEncrypted('');
      await expectToWork({ servers: server.url, tls: { caFile: join(server.folder, 'ca.pem') } });
      await expectToBeRefused({ servers: server.url, tls: { caFile: join(server.folder, 'other-ca.pem') } });
      await expectToBeRefused({ servers: `tls://127.0.0.1:${server.port}` });
    });

    test('a server that asks for a certificate gets it', async () => {
      const server = await openEncrypted('verify: true');
      const caFile = join(server.folder, 'ca.pem');
      const mine = {
        certFile: join(server.folder, 'client.pem'),
        keyFile: join(server.folder, 'client.key'),
      };
      await expectToWork({ servers: server.url, tls: { caFile, ...mine } });
      await expectToBeRefused({ servers: server.url, tls: { caFile } });
    });

    test('an encrypted connection is not given up for a plain one', async () => {
      const server = await openServer('');
      await server.start();
      await expectToBeRefused({ servers: server.url, tls: {} });
    });
  });

  test('a file that cannot be read fails the start and is named', async () => {
    const transport = new NatsTransport({
      access: { servers: 'nats://127.0.0.1:1', credsFile: '/nowhere/user.creds' },
      clock: systemClock,
    });
    await expect(transport.start()).rejects.toThrow('/nowhere/user.creds');
    await transport.stop();
  });

  test('what is no address is refused when the transport is made', () => {
    expect(() => new NatsTransport({ access: { servers: 'http://x' }, clock: systemClock })).toThrow(
      'NATS server',
    );
    expect(() => new NatsTransport({ access: { servers: 'x' }, clock: systemClock, prefix: 'a.b' })).toThrow(
      'not a NATS prefix',
    );
  });
});
