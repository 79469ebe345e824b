import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseOptions, type IConfiguration, type ICruiseResult } from 'dependency-cruiser';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const configuration = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as IConfiguration;

type Files = Record<string, string>;

/** Every rule with the smallest source tree that breaks it. */
const breaches: Record<string, Files> = {
  'no-cycles': {
    'src/kernel/a.ts': "export { b } from './b.js';",
    'src/kernel/b.ts': "export { a as b } from './a.js';",
  },
  resolvable: { 'src/kernel/a.ts': "import './gone.js';" },
  'no-development-packages': {
    'src/kernel/a.ts': "import 'for-tests';",
    'node_modules/for-tests/package.json': '{ "name": "for-tests", "version": "1.0.0", "main": "index.js" }',
    'node_modules/for-tests/index.js': '',
  },
  'no-tests-in-src': { 'src/kernel/a.ts': "import '../../test/support/x.js';", 'test/support/x.ts': '' },
  'kernel-imports-nothing-of-ours': imports('src/kernel/a.ts', 'src/config/index.ts'),
  'config-imports-only-the-kernel': imports('src/config/a.ts', 'src/modules/database/index.ts'),
  'migrations-import-nothing-of-ours': imports('src/migrations/a.ts', 'src/kernel/b.ts'),
  'only-the-database-imports-migrations': imports('src/modules/job/a.ts', 'src/migrations/index.ts'),
  'access-imports-only-lower-modules': imports('src/modules/access/a.ts', 'src/modules/job/index.ts'),
  'database-imports-only-lower-modules': imports(
    'src/modules/database/a.ts',
    'src/modules/transport/index.ts',
  ),
  'transport-imports-only-lower-modules': imports('src/modules/transport/a.ts', 'src/modules/job/index.ts'),
  'job-imports-only-lower-modules': imports('src/modules/job/a.ts', 'src/modules/worker/index.ts'),
  'worker-imports-only-lower-modules': imports('src/modules/worker/a.ts', 'src/modules/status/index.ts'),
  'scheduler-imports-only-lower-modules': imports(
    'src/modules/scheduler/a.ts',
    'src/modules/worker/index.ts',
  ),
  'status-imports-only-lower-modules': imports('src/modules/status/a.ts', 'src/modules/scheduler/index.ts'),
  'modules-import-only-modules-and-below': imports('src/modules/job/a.ts', 'src/entries/all.ts'),
  'modules-through-their-index': imports('src/modules/worker/a.ts', 'src/modules/job/retry-policy.ts'),
  'modules-through-their-index-from-outside': imports('src/entries/all.ts', 'src/modules/job/job.service.ts'),
  'composition-knows-no-user-code': imports('src/entries/all.ts', 'src/jobs/jobs.module.ts'),
  'boot-imports-config-and-kernel': imports('src/boot/a.ts', 'src/entries/all.ts'),
  'cli-is-a-client': imports('src/cli/a.ts', 'src/modules/job/index.ts'),
  'job-types-use-the-public-surface': imports('src/samples/a.ts', 'src/modules/job/index.ts'),
  'main-uses-the-public-surface': imports('src/main.ts', 'src/entries/all.ts'),
  'nobody-imports-main': imports('src/index.ts', 'src/main.ts'),
  'pure-files-import-types-only': imports('src/modules/job/state-machine.ts', 'src/kernel/clock.ts'),
};

/** A small house in order: each room reaches down, through the door. */
const inOrder: Files = {
  'src/kernel/clock.ts': 'export const clock = 1;',
  'src/config/index.ts': "export { clock as config } from '../kernel/clock.js';",
  'src/migrations/index.ts': 'export const migrations = 1;',
  'src/modules/database/index.ts': "export { migrations as database } from '../../migrations/index.js';",
  'src/modules/transport/index.ts': "export { config as transport } from '../../config/index.js';",
  'src/modules/job/state-machine.ts':
    "import type { clock } from '../../kernel/clock.js'; export type C = typeof clock; export const states = 1;",
  'src/modules/job/index.ts':
    "export { states } from './state-machine.js'; export { database } from '../database/index.js';",
  'src/modules/worker/index.ts': "export { states as worker } from '../job/index.js';",
  'src/entries/all.ts': "export { worker as all } from '../modules/worker/index.js';",
  'src/index.ts': "export { all } from './entries/all.js'; export { states } from './modules/job/index.js';",
  'src/jobs/send.ts': "export { all as send } from '../index.js';",
  'src/boot/flags.ts': "export { config as flags } from '../config/index.js';",
  'src/main.ts':
    "import { all } from './index.js'; import { send } from './jobs/send.js'; import { flags } from './boot/flags.js'; console.log(all, send, flags);",
};

describe('the architecture check', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rookery-house-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('accepts a house in order', async () => {
    expect(await brokenRules(folder, inOrder)).toEqual([]);
  });

  it.each(Object.entries(breaches))('reports a breach of %s', async (rule, files) => {
    expect(await brokenRules(folder, files)).toContain(rule);
  });

  it('has a breach for each of its rules', () => {
    expect(Object.keys(breaches).sort()).toEqual(configuration.forbidden?.map(({ name }) => name).sort());
  });
});

/** Two files, the first of which imports the second. */
function imports(from: string, to: string): Files {
  const up = '../'.repeat(from.split('/').length - 1);
  return {
    [from]: `import { x } from '${up}${to.replace(/ts$/, 'js')}'; export const y = x;`,
    [to]: 'export const x = 1;',
  };
}

/** Names of the rules that a source tree breaks, each once. */
async function brokenRules(folder: string, files: Files): Promise<string[]> {
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ type: 'module', devDependencies: { 'for-tests': '*' } }),
  );
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const options: ICruiseOptions = {
    ...configuration.options,
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden: configuration.forbidden ?? [] },
  };
  delete options.tsConfig;
  const { output } = await cruise(['src'], options, {});
  const { violations } = (output as ICruiseResult).summary;
  return [...new Set(violations.map(({ rule }) => rule.name))];
}
