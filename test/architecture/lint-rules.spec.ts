import { join } from 'node:path';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const eslint = new ESLint({ cwd: root });

/** Each house rule of eslint.config.js with the least code that breaks it, as if it stood in that file. */
const breaches: [what: string, rule: string, path: string, code: string][] = [
  ['Date.now()', 'no-restricted-syntax', 'src/kernel/ids.ts', 'export const t = Date.now();'],
  ['new Date()', 'no-restricted-syntax', 'src/kernel/ids.ts', 'export const t = new Date();'],
  ['a default export', 'no-restricted-syntax', 'src/kernel/ids.ts', 'export default 1;'],
  ['an enum', 'no-restricted-syntax', 'src/kernel/ids.ts', 'export enum E { A }'],
  [
    'a floating promise',
    '@typescript-eslint/no-floating-promises',
    'src/kernel/ids.ts',
    'Promise.resolve(1);',
  ],
  ['any', '@typescript-eslint/no-explicit-any', 'src/kernel/ids.ts', 'export const x: any = 1;'],
  [
    'a non-null assertion',
    '@typescript-eslint/no-non-null-assertion',
    'src/kernel/ids.ts',
    'export const f = (x?: { y: number }): number => x!.y;',
  ],
  [
    'a switch with a case missing',
    '@typescript-eslint/switch-exhaustiveness-check',
    'src/kernel/ids.ts',
    "export function f(x: 'a' | 'b'): number { switch (x) { case 'a': return 1; } return 2; }",
  ],
  [
    'a value import that is only a type',
    '@typescript-eslint/consistent-type-imports',
    'src/kernel/ids.ts',
    "import { Clock } from './clock.js'; export const f = (clock: Clock): number => clock.now();",
  ],
  [
    'an unexplained disable',
    'rookery/explained-disable',
    'scripts/ensure-built.js',
    '// eslint-disable-next-line no-debugger\ndebugger;',
  ],
  ['console in a module', 'no-console', 'src/kernel/ids.ts', 'console.log(1);'],
];

const allowed: [what: string, path: string, code: string][] = [
  ['Date.now() in the clock', 'src/kernel/clock.ts', 'export const t = Date.now();'],
  ['new Date(ms)', 'src/kernel/ids.ts', 'export const t = new Date(5);'],
  [
    'a disable with its reason',
    'scripts/ensure-built.js',
    '// eslint-disable-next-line no-debugger -- shown here\ndebugger;',
  ],
  [
    // With the import erased, Nest would be asked to inject `Object`.
    'a value import of a class that a constructor names for injection',
    'src/kernel/ids.ts',
    "import { Injectable } from '@nestjs/common';\nimport { Lifecycle } from './lifecycle.js';\n" +
      '@Injectable() export class Ids { constructor(private readonly lifecycle: Lifecycle) {} has(): boolean { return this.lifecycle.isStopping; } }',
  ],
];

// The first of them waits for the compiler to read the whole program.
describe('the lint rules of the house', { timeout: 120_000 }, () => {
  it.each(breaches)('refuse %s', async (_what, rule, path, code) => {
    expect(await brokenRules(path, code)).toContain(rule);
  });

  it.each(allowed)('allow %s', async (_what, path, code) => {
    expect(await brokenRules(path, code)).toEqual([]);
  });
});

async function brokenRules(path: string, code: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, path) });
  return (result?.messages ?? []).map(({ ruleId }) => ruleId);
}
