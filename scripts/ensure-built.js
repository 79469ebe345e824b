#!/usr/bin/env node
// Builds dist when a source has no younger compiled twin; silent unless the build fails. It looks at the files themselves and
// keeps no record of its own, so a build made by `npm start` counts, and is not torn away under a running server. Two callers at
// once build one after the other, and the second finds nothing left to do.
//
//   node scripts/ensure-built.js                      only build
//   node scripts/ensure-built.js dist/cli/main.js …   build, then become that program

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const lock = join(root, 'node_modules/.rookery-build');
/** A build takes seconds; a lock older than this was left by a process that was killed. */
const STALE_LOCK_MS = 60_000;
const SETTINGS = ['.swcrc', 'nest-cli.json', 'tsconfig.build.json', 'tsconfig.json'];

/** Zero for a file that is not there, so that it is older than any. */
function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isBuilt() {
  const settingsAt = Math.max(...SETTINGS.map((name) => modifiedAt(join(root, name))));
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter((name) => /(?<!\.spec|\.d)\.ts$/.test(name))
    .every((name) => {
      const builtAt = modifiedAt(join(root, 'dist', name.replace(/\.ts$/, '.js')));
      return builtAt > settingsAt && builtAt > modifiedAt(join(root, 'src', name));
    });
}

function build() {
  if (isBuilt()) return;
  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [nest, 'build'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  throw new Error(`nest build failed\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
}

async function withLock(work) {
  while (!tryLock()) await pause(100);
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function tryLock() {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (Date.now() - modifiedAt(lock) > STALE_LOCK_MS) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

try {
  if (!isBuilt()) await withLock(build);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

const [program, ...args] = process.argv.slice(2);
if (program !== undefined) {
  const path = join(root, program);
  process.argv = [process.argv[0], path, ...args];
  await import(pathToFileURL(path).href);
}
