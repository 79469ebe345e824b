import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const run = promisify(execFile);

/** Fetching a browser takes a minute or two; for the hook that starts one. */
export const BROWSER_HOOK_MS = 300_000;

const NAMES = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'chrome'];

/** So that it asks nobody but the test's server for anything. */
const ARGUMENTS = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];

const HOW_TO_GET_IT =
  'The tests of the dashboard need a Chromium. Run `npx playwright-core install chromium-headless-shell` ' +
  '(Debian: apt-get install chromium-headless-shell), or name one in TEST_CHROMIUM.';

/**
 * Starts a headless Chromium: the one that TEST_CHROMIUM names, else one on PATH, else the one that playwright keeps for this user, which is
 * fetched when there is none, else Debian's. Rejects with how to get one.
 */
export async function launchBrowser(): Promise<Browser> {
  const named = process.env['TEST_CHROMIUM'] ?? (await onPath());
  if (named !== undefined) return chromium.launch({ executablePath: named, args: ARGUMENTS });
  const kept = await tryKept();
  if (kept) return kept;
  const failures: string[] = [];
  for (const fetch of [fetchByPlaywright, fetchByDebian]) {
    try {
      await fetch();
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
      continue;
    }
    const path = await onPath();
    const found =
      path === undefined ? await tryKept() : await chromium.launch({ executablePath: path, args: ARGUMENTS });
    if (found) return found;
  }
  throw new Error(`${HOW_TO_GET_IT}\nIt could not be fetched:\n${failures.join('\n')}`);
}

async function tryKept(): Promise<Browser | undefined> {
  try {
    return await chromium.launch({ args: ARGUMENTS });
  } catch {
    return undefined;
  }
}

/** Into the cache that playwright keeps for this user, where every checkout finds it again. */
async function fetchByPlaywright(): Promise<void> {
  const folder = dirname(createRequire(import.meta.url).resolve('playwright-core/package.json'));
  await run(process.execPath, [join(folder, 'cli.js'), 'install', 'chromium-headless-shell'], {
    timeout: 180_000,
  });
}

/** It needs too many libraries to be unpacked beside the packages, so this is for root alone, as in a container. */
async function fetchByDebian(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error('apt-get is for root on Linux');
  const install = ['install', '-y', '--no-install-recommends', 'chromium-headless-shell'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update'], { timeout: 120_000, env });
  await run('apt-get', install, { timeout: 240_000, env });
}

async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      if (folder !== '' && (await isExecutable(path))) return path;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
