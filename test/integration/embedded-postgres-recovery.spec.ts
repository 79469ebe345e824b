import { spawnSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { takeLaunchLock } from '../../src/modules/database/embedded/launch-lock.js';
import { EmbeddedApp } from '../support/embedded-app.js';
import { presences, query, useEmbeddedScene } from '../support/embedded-scene.js';
import { eventually } from '../support/eventually.js';

const scene = useEmbeddedScene();

describe('a server that ends unexpectedly', () => {
  it('is started again at the same URL, with what was committed', async () => {
    scene.makeCluster();
    const server = await scene.open();
    const { pid, url } = server;
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(pid, 'SIGKILL');
    const rows = await eventually(() => query(url, 'SELECT answer FROM kept'));
    expect(rows).toEqual([{ answer: 42 }]);
    await eventually(() => server.pid !== pid);
    expect(server.url).toBe(url);
    expect(scene.lines.some((line) => line.includes('is back after'))).toBe(true);
  });

  it('is started once for all that use it, and stops with the last of them', async () => {
    scene.makeCluster();
    const app = await EmbeddedApp.install(join(scene.scratch, 'app'));
    const [{ pid, url }] = await Promise.all([scene.openChild(app).opened, scene.open()]);
    process.kill(pid, 'SIGKILL');
    await eventually(() => scene.lines.some((line) => line.includes('is back after')));
    // The child's presence is seen before ours is given up.
    await eventually(async () => (await presences(url)).length === 2);
    await scene.servers[0]?.close();
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await scene.children[0]?.close();
    expect(await scene.isRunning()).toBe(false);
  });

  it('is started again though a child of the killed one is still at work', async () => {
    scene.makeCluster();
    const server = await scene.open();
    const { pid, url } = server;
    const busy = new Client({ connectionString: url });
    busy.on('error', () => undefined);
    await busy.connect();
    // A loop in the server's own language looks up for nothing, not even for the end of its parent.
    const work = busy.query('DO $$ BEGIN LOOP END LOOP; END $$').catch(() => undefined);
    await eventually(async () => {
      const rows = await query(
        url,
        `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'`,
      );
      return rows.length === 1;
    });
    process.kill(pid, 'SIGKILL');
    await eventually(() => server.pid !== pid, { withinMs: 20_000 });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await work;
  });

  it('is left as it is when only the connection to it broke, and the presence is taken again', async () => {
    scene.makeCluster();
    const { url, pid } = await scene.open();
    const [presence] = await presences(url);
    await query(url, `SELECT pg_terminate_backend(${presence?.pid})`);
    await eventually(async () => {
      const now = await presences(url);
      return now.length === 1 && now[0]?.pid !== presence?.pid;
    });
    expect(scene.servers[0]?.pid).toBe(pid);
  });

  it('is not started again by a process that is closing', async () => {
    scene.makeCluster();
    const server = await scene.open();
    process.kill(server.pid, 'SIGKILL');
    await server.close();
    await eventually(async () => !(await scene.isRunning()));
  });
});

it('gives the launch lock to one at a time, also when its last holder died', async () => {
  const dead = spawnSync('true').pid;
  await writeFile(join(scene.scratch, '7'), JSON.stringify({ pid: dead, birth: 'long ago' }));
  let holders = 0;
  let most = 0;
  const contend = async (): Promise<void> => {
    const lock = await takeLaunchLock(scene.scratch, 20_000);
    most = Math.max(most, ++holders);
    await readdir(scene.scratch);
    holders--;
    await lock.release();
  };
  await Promise.all(Array.from({ length: 25 }, contend));
  expect(most).toBe(1);

  const held = await takeLaunchLock(scene.scratch, 1_000);
  await expect(takeLaunchLock(scene.scratch, 50)).rejects.toMatchObject({
    details: { failure: 'locked' },
    message: expect.stringContaining(`process ${process.pid}`) as string,
  });
  await held.release();
});
