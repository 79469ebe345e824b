import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** A rule of our own: whoever switches a rule off says why, after ` -- `. */
const explainedDisable = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: { unexplained: 'say why the rule is off: {{directive}} rule-name -- reason' },
  },
  create(context) {
    const check = (comment) => {
      const [directive] = /^\s*(eslint-disable\S*|@ts-\S+)/.exec(comment.value) ?? [];
      if (directive === undefined || / -- \S|@ts-expect-error \S/.test(comment.value)) return;
      context.report({ loc: comment.loc, messageId: 'unexplained', data: { directive: directive.trim() } });
    };
    return { Program: () => context.sourceCode.getAllComments().forEach(check) };
  },
};

const clockOnly =
  'read the time through a Clock (src/kernel/clock.ts), so that tests and the database can set it';
const noWallClock = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: clockOnly },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: clockOnly },
  { selector: "CallExpression[callee.name='Date']", message: clockOnly },
];
const noDefaultExport = [
  {
    selector: 'ExportDefaultDeclaration',
    message: 'export it by its name, which is also the name of its file',
  },
];
const noEnum = [
  {
    selector: 'TSEnumDeclaration',
    message: 'write `as const` and a union: an enum is neither a type of its strings nor erased',
  },
];

export default defineConfig(
  // bench/peers is a package of its own, whose dependencies are not installed here.
  {
    ignores: ['**/dist/', 'dashboard/.build-*/', '.bench/', '**/node_modules/', '.rookery/', 'bench/peers/'],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{js,cjs,ts,tsx}'],
    extends: [js.configs.recommended],
    plugins: { rookery: { rules: { 'explained-disable': explainedDisable } } },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'preserve-caught-error': 'error',
      'rookery/explained-disable': 'error',
      // How big is too big is a smell to look at, not a reason to fail.
      'max-depth': ['warn', 3],
      'max-lines': ['warn', { max: 400 }],
      'max-lines-per-function': ['warn', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['warn', 5],
    },
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-restricted-syntax': ['error', ...noWallClock, ...noDefaultExport, ...noEnum],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      // In a file with decorators the rule keeps silent: under emitDecoratorMetadata the import of a class that is only named as a
      // constructor's type is what Nest injects by, and must stay a value.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // `'none' | string` tells the reader which word is special, though the compiler forgets it.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      // An `async` without `await` turns what it throws into a rejection, which is what a port that returns promises owes.
      '@typescript-eslint/require-await': 'off',
      // A number in a message reads as one would write it; objects stay refused.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    // The places that read the machine's clock: one of the server, one of the page.
    files: ['src/kernel/clock.ts', 'dashboard/src/text/now.ts'],
    rules: { 'no-restricted-syntax': ['error', ...noDefaultExport, ...noEnum] },
  },
  {
    // Tests measure and stage real time, and a suite is one long function by nature.
    files: ['**/*.spec.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...noDefaultExport, ...noEnum],
      'max-lines-per-function': 'off',
      // Harnesses and spies are objects of functions, which tests take apart.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // Vite and Vitest load their configuration and reporters by their default export.
    files: ['dashboard/vite.config.ts', '**/vitest.config.ts', 'test/support/*-reporter.ts'],
    rules: { 'no-restricted-syntax': ['error', ...noEnum] },
  },
  {
    // Programs whose output is what they print.
    files: ['src/main.ts', 'src/boot/**/*.ts', 'src/cli/**/*.ts', 'scripts/**', 'bench/**'],
    rules: { 'no-console': 'off' },
  },
  {
    // Runs in the browser. Its components are long by what they show rather than by what they do.
    files: ['dashboard/**'],
    languageOptions: {
      globals: { document: 'readonly', localStorage: 'readonly', matchMedia: 'readonly' },
    },
    rules: { 'max-lines-per-function': ['warn', { max: 100, skipBlankLines: true, skipComments: true }] },
  },
  {
    files: ['**/*.{js,cjs}'],
    languageOptions: {
      globals: { console: 'readonly', module: 'writable', process: 'readonly', URL: 'readonly' },
    },
  },
);
