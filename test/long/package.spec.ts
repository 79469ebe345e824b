import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const fixture = join(repository, 'test/fixtures/package-app');

let folder: string;
let database: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rookery-package-'));
  database = await createTestDatabase({ isEmpty: true });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

it('is installed beside the oldest Nest and TypeORM it allows, shares them, has its types and runs a job', async () => {
  await cp(fixture, folder, { recursive: true });
  const source = await readFile(join(folder, 'shop.ts'), 'utf8');
  await writeFile(join(folder, 'shop.ts'), source.replace('../../../src/index.js', 'rookery'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: repository });
  const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
  await run('npm', ['install', '--no-audit', '--no-fund', `./${tarball}`], { cwd: folder });

  const own = await readdir(join(folder, 'node_modules/rookery/node_modules')).catch(() => []);
  expect(own.filter((name) => ['@nestjs', 'typeorm', 'rxjs', 'reflect-metadata'].includes(name))).toEqual([]);

  await run(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', '.'], {
    cwd: folder,
  });
  const { stdout } = await run(process.execPath, ['shop.js'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], SHOP_DATABASE_URL: database.url },
  });
  expect(stdout).toMatch(/^over REST: \{"id":"[-0-9a-f]{36}","status":"done"\}$/m);
  expect(stdout).toContain('in code: {"sent":"two geese"}');
});
