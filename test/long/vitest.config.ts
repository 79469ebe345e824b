import { defineConfig } from 'vitest/config';

/** A run of its own, apart from `npm test`: what takes minutes to be sure of. */
export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    name: 'long',
    include: ['test/long/**/*.spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    allowOnly: false,
    reporters: ['verbose', './test/support/closing-line-reporter.ts'],
  },
});
