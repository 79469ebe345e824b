import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/modules/database/index.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { RookeryScene, useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene();

/** Waits for its database while the other tests run. */
const patientScene = new RookeryScene({});
let patient: RookeryProcess;
let nowhere = '';

beforeAll(async () => {
  await patientScene.prepare();
  nowhere = `127.0.0.1:${await deadPort()}/nowhere`;
  patient = patientScene.start([], { DATABASE_URL: `postgres://me:hush@${nowhere}` });
});

afterAll(() => patientScene.dispose());

/** A port of this machine on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('a database that is away', () => {
  it('does not keep a process that is told to stop while it waits', async () => {
    const started = scene.start([], {
      DATABASE_URL: `postgres://me:hush@127.0.0.1:${await deadPort()}/nowhere`,
    });
    await started.line(/trying again/);
    started.signal('SIGTERM');
    const { code, output } = await started.ended;
    expect(code).toBe(0);
    expect(output).toMatch(/stopping: SIGTERM/);
    // It was told to stop, so that it did not get there is no error.
    expect(output).not.toMatch(/ERROR|cannot be used/);
  });
});

describe('a schema of a newer version', () => {
  it('is left alone: the process ends with exit code 1 and says which version to start', async () => {
    const database = await createTestDatabase();
    try {
      await database.query(
        `INSERT INTO rookery_migration (timestamp, name) VALUES (9999999999999, 'InventTimeTravel9999999999999')`,
      );
      const { code, output } = await scene.start([], { DATABASE_URL: database.url }).ended;
      expect(code).toBe(1);
      expect(output.split('\n').at(-1)).toMatch(/^rookery: .*InventTimeTravel9999999999999.*newer/);
      expect(output).not.toContain('    at ');
    } finally {
      await database.drop();
    }
  });
});

describe('a job type that is wrong', () => {
  const misspelt = useRookeryScene({ fixtures: { misspelt: 'dist/jobs' } });

  it('ends the process with exit code 2 and one line that names type, field and value', async () => {
    const { code, output } = await misspelt.start([], { DATABASE_URL: `postgres://me:hush@${nowhere}` })
      .ended;
    expect(code, output).toBe(2);
    expect(output).toBe('rookery: job type "mail": onTimeout is "cancle"; use retry or fail or cancel');
  });
});

describe('a stop while the embedded server starts', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s, leaves neither a process nor half a database',
    async (signal) => {
      const env = { ROOKERY_DATABASE_FOLDER: `${scene.scratch}/${signal}` };
      const started = scene.start([], env);
      await started.line(/making a PostgreSQL/);
      started.signal(signal);
      const { code, output } = await started.ended;
      expect(output).not.toContain('ready:');
      expect(code, output).toBe(0);
      await scene.nothingIsLeft();
      // The folder is as good as new.
      const second = scene.start([], env);
      await second.ready();
      expect(await second.stop()).toMatchObject({ code: 0 });
    },
  );

  it('starts no server when it comes before the database is opened', async () => {
    const quiet = { log: () => undefined, warn: () => undefined };
    const database = new Database({
      settings: { schema: 'public', folder: `${scene.scratch}/closed` },
      log: quiet,
    });
    await database.close();
    await expect(database.open()).rejects.toThrow('closed');
    expect(await scene.servers()).toEqual([]);
  });

  it('leaves nothing at whatever moment of the boot it comes', async () => {
    const first = scene.start();
    await first.ready();
    await first.stop();
    // Each a little later in the boot than the one before.
    for (let delayed = 0; delayed < 6; delayed++) {
      const started = scene.start();
      await eventually(async () => (await scene.running()).length > 0, { everyMs: 5 });
      const began = performance.now();
      await eventually(() => performance.now() - began > 250 + delayed * 130, { everyMs: 10 });
      started.signal('SIGTERM');
      await started.ended;
      await scene.nothingIsLeft();
    }
  });
});

describe('a database that stays away', () => {
  it('is waited for half a minute, with lines that name it and hide its password, then the process ends with exit code 1', async () => {
    const { code, output } = await patient.ended;
    expect(code).toBe(1);
    const lines = output.split('\n');
    const retries = lines.filter(
      (line) => line.includes(`PostgreSQL at ${nowhere} is not ready: `) && line.includes('trying again'),
    );
    expect(retries.length).toBeGreaterThan(5);
    expect(lines.at(-1)).toBe(
      `rookery: PostgreSQL at ${nowhere} cannot be used: connect ECONNREFUSED ${nowhere.split('/')[0]}; check that the server runs and that DATABASE_URL names its host and port`,
    );
    expect(output).not.toContain('hush');
    expect(output).not.toContain('    at ');
  });
});
