import { transformFile } from '@swc/core';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const repository = join(import.meta.dirname, '../..');

/** What `nest start` needs to build the program anew. */
const SOURCES = ['src', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', '.swcrc'];

/** How fixtures name the library: by its source, for the types; installed, by its name. */
const LIBRARY = /(['"])(?:\.\.\/)+src\/index\.js\1/g;

/**
 * Puts the built program into a folder of its own, as a user has it, so that neither a build of the checkout nor an `npm start`
 * that builds touches what another test runs.
 */
export async function installRookery(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await cp(join(repository, 'dist'), join(folder, 'dist'), { recursive: true });
  await cp(join(repository, 'package.json'), join(folder, 'package.json'));
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
}

/** Adds what `npm start` and `nest start` build from. */
export async function installSources(folder: string): Promise<void> {
  for (const name of SOURCES) await cp(join(repository, name), join(folder, name), { recursive: true });
}

/** Compiles a folder of test/fixtures into `target`, a folder below one that `installRookery` filled. */
export async function installFixture(name: string, target: string): Promise<void> {
  const source = join(repository, 'test/fixtures', name);
  await mkdir(target, { recursive: true });
  for (const file of await readdir(source)) {
    const { code } = await transformFile(join(source, file), {
      configFile: join(repository, '.swcrc'),
      sourceMaps: false,
    });
    await writeFile(join(target, file.replace(/\.ts$/, '.js')), code.replaceAll(LIBRARY, "'rookery'"));
  }
}
