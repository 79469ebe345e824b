import { defineConfig } from 'vitest/config';

/** Brings up the one PostgreSQL of the run; a project that needs none does not name it. */
const withPostgres = {
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  // Nest reads constructor types at run time. Stated here although tsconfig.json says the same, because a transform that
  // drops them fails as "cannot resolve dependency" far away from its cause.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    // Processes, not threads: tests send signals, and a crash takes down one file only.
    pool: 'forks',
    // Three files at a time whatever the machine: a third of what a file does is waiting, and each talks to the same PostgreSQL server and may
    // boot processes of its own.
    maxWorkers: 3,
    // A process goes on to its next file with the modules it has loaded, which saves a third of the run. What a file leaves behind
    // would be found in the next, so each gives back all it took: `failOnLeaks()`.
    isolate: false,
    // Reached only by what hangs: a loaded machine may take many times what an idle one does.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    // As `eventually` waits; the default of 1 s is less than a loaded machine may need.
    expect: { poll: { timeout: 10_000, interval: 20 } },
    allowOnly: false,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.spec.ts',
            'dashboard/src/**/*.spec.ts',
            'test/architecture/**/*.spec.ts',
            'test/support/**/*.spec.ts',
          ],
        },
      },
      {
        extends: true,
        test: { name: 'contract', include: ['test/contract/**/*.spec.ts'], ...withPostgres },
      },
      {
        extends: true,
        test: { name: 'integration', include: ['test/integration/**/*.spec.ts'], ...withPostgres },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.spec.ts'], ...withPostgres, testTimeout: 60_000 },
      },
    ],
  },
});
