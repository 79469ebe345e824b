import { defineConfig } from 'vitest/config';

/** A run of its own, apart from `npm test`: processes that are killed for minutes on end. */
export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    name: 'faults',
    include: ['test/faults/**/*.spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    allowOnly: false,
    reporters: ['verbose', './test/support/closing-line-reporter.ts'],
  },
});
