#!/usr/bin/env node
// Builds the dashboard into dashboard/dist when a source is younger than what is there; silent when there is nothing to do. The new
// build takes the old one's place at once, so that whoever serves the folder never finds half of it.
//
//   node scripts/build-dashboard.js                 fails when it cannot be built
//   node scripts/build-dashboard.js --if-possible   does nothing where the build tools are not installed, as in production

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'dashboard');
const target = join(source, 'dist');

/** Below this a compressed file saves no packet. */
const FEWEST_BYTES = 1_024;
const TEXT = /\.(js|css|svg)$/;

const modifiedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function sources() {
  return readdirSync(source, { recursive: true })
    .filter((name) => !/^dist\b|^\.build-|\.spec\.tsx?$/.test(name))
    .map((name) => join(source, name))
    .concat(join(root, 'package-lock.json'), fileURLToPath(import.meta.url));
}

function isBuilt() {
  const builtAt = modifiedAt(join(target, 'index.html'));
  return builtAt > 0 && sources().every((path) => statSync(path).isDirectory() || modifiedAt(path) < builtAt);
}

function compress(folder) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!TEXT.test(name)) continue;
    const path = join(folder, name);
    const body = readFileSync(path);
    if (body.length < FEWEST_BYTES) continue;
    const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
    writeFileSync(`${path}.br`, brotliCompressSync(body, { params: quality }));
    writeFileSync(`${path}.gz`, gzipSync(body, { level: 9 }));
  }
}

async function build() {
  const { build: bundle } = await import('vite');
  const outDir = mkdtempSync(join(source, '.build-'));
  try {
    await bundle({ configFile: join(source, 'vite.config.ts'), logLevel: 'warn', build: { outDir } });
    compress(outDir);
    // A temporary folder is its maker's alone; the server may be another user.
    chmodSync(outDir, 0o755);
    rmSync(target, { recursive: true, force: true });
    renameSync(outDir, target);
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

const canBuild = existsSync(join(root, 'node_modules/vite')) && existsSync(join(root, 'node_modules/react'));
if (!isBuilt()) {
  if (canBuild) await build();
  else if (!process.argv.includes('--if-possible')) {
    process.stderr.write('the dashboard cannot be built: its tools are missing; run npm ci\n');
    process.exitCode = 1;
  }
}
