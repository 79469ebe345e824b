#!/usr/bin/env node
// Runs the contract and integration tests on PostgreSQL 15, the oldest that Rookery supports: on TEST_DATABASE_URL when that is
// set, else on a server made for the run from the binaries found on this machine. More arguments go to Vitest.

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAJOR = '15';
const FOLDERS = [
  process.env.POSTGRES_15_BIN,
  `/usr/lib/postgresql/${MAJOR}/bin`,
  `/usr/pgsql-${MAJOR}/bin`,
  `/opt/homebrew/opt/postgresql@${MAJOR}/bin`,
  `/usr/local/opt/postgresql@${MAJOR}/bin`,
];
const HOW_TO_GET_IT = `PostgreSQL ${MAJOR} was not found. Any one of these will do:
  apt-get install postgresql-${MAJOR}                 (Debian 12; elsewhere with the apt.postgresql.org repository)
  brew install postgresql@${MAJOR}
  POSTGRES_15_BIN=/folder/with/initdb npm run test:pg15
  TEST_DATABASE_URL=postgres://superuser:secret@host:5432/postgres npm run test:pg15
`;
const SETTINGS = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };

/** PostgreSQL refuses to run as root; under root it runs as nobody. */
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const asServer = isRoot ? { uid: NOBODY, gid: NOBODY } : {};

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

/** Starts a server in a folder of its own; `stop` ends it and removes the folder. */
async function startServer(bin) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-pg15-'));
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  chmodSync(folder, 0o700);
  if (isRoot) for (const path of [folder, passwordFile]) chownSync(path, NOBODY, NOBODY);
  const run = (program, ...args) =>
    execFileSync(join(bin, program), args, {
      ...asServer,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const data = join(folder, 'data');
  const access = ['-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile];
  run('initdb', '-D', data, '-E', 'UTF8', '--no-sync', ...access);
  const port = await freePort();
  const flags = Object.entries({
    ...SETTINGS,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const options = flags.map((flag) => `'${flag}'`).join(' ');
  run('pg_ctl', 'start', '-w', '-D', data, '-l', join(folder, 'server.log'), '-o', options);
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    stop() {
      run('pg_ctl', 'stop', '-w', '-D', data, '-m', 'immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function runTests(url) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const projects = ['--project', 'contract', '--project', 'integration'];
  const tests = spawn(process.execPath, [vitest, 'run', ...projects, ...process.argv.slice(2)], {
    cwd: root,
    env: { ...process.env, TEST_DATABASE_URL: url },
    stdio: 'inherit',
  });
  // The terminal interrupts both processes; the server below must still be stopped.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => tests.kill('SIGTERM'));
  const [code] = await once(tests, 'exit');
  return code ?? 1;
}

const given = process.env.TEST_DATABASE_URL;
if (given) {
  process.exitCode = await runTests(given);
} else {
  const bin = FOLDERS.find((folder) => folder && existsSync(join(folder, 'initdb')));
  if (bin === undefined) {
    process.stderr.write(HOW_TO_GET_IT);
    process.exit(1);
  }
  const server = await startServer(bin);
  try {
    process.exitCode = await runTests(server.url);
  } finally {
    server.stop();
  }
}
