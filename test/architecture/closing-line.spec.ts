import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const reporter = join(root, 'test/support/closing-line-reporter.ts');

describe('the closing line of a test run', () => {
  let folder: string;

  beforeEach(async () => {
    // Below node_modules, where the planted tests find Vitest and no other tool finds them.
    folder = await mkdtemp(join(root, 'node_modules/.rookery-run-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('counts what passed, and the run succeeds', async () => {
    expect(await run("it('a', () => {}); it('b', () => {});")).toEqual({
      line: '2 passed, 0 failed',
      exitCode: 0,
    });
  });

  it('counts what failed', async () => {
    expect(await run("it('a', () => {}); it('b', () => { throw new Error('no'); });")).toEqual({
      line: '1 passed, 1 failed',
      exitCode: 1,
    });
  });

  it('counts a file that cannot be loaded as a failure', async () => {
    expect(await run("throw new Error('no');")).toEqual({ line: '0 passed, 1 failed', exitCode: 1 });
  });

  it('counts a failing hook as a failure of the tests it was for', async () => {
    const { line, exitCode } = await run("beforeAll(() => { throw new Error('no'); }); it('a', () => {});");
    expect(line).toMatch(/^0 passed, 1 failed/);
    expect(exitCode).toBe(1);
  });

  it('fails a run that skipped a test', async () => {
    expect(await run("it('a', () => {}); it.skip('b', () => {});")).toEqual({
      line: '1 passed, 0 failed, 1 skipped',
      exitCode: 1,
    });
  });

  it('fails a run whose process died in the middle of a file', async () => {
    const { line, exitCode } = await run("it('a', () => { process.kill(process.pid, 'SIGKILL'); });");
    expect(line).toMatch(/^0 passed, [1-9]/);
    expect(exitCode).toBe(1);
  });

  /** Runs one planted test file with our reporter alone and answers the last line and the exit code. */
  async function run(code: string): Promise<{ line: string | undefined; exitCode: number }> {
    await writeFile(
      join(folder, 'planted.spec.mjs'),
      `import { beforeAll, it } from 'vitest';\nvoid beforeAll;\n${code}`,
    );
    await writeFile(
      join(folder, 'vitest.config.mjs'),
      `export default { test: { include: ['**/*.spec.mjs'], exclude: [], pool: 'forks', reporters: [${JSON.stringify(reporter)}] } };`,
    );
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [vitest, 'run', '--root', folder],
        { env: { ...process.env, VITEST: undefined } },
        (_error, stdout) => {
          resolve({ line: stdout.trimEnd().split('\n').at(-1), exitCode: child.exitCode ?? -1 });
        },
      );
    });
  }
});
