import { defineConfig } from 'vitest/config';

/** A run of its own, apart from `npm test`: half an hour of steady load, and what it leaves behind in memory. */
export default defineConfig({
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    name: 'soak',
    include: ['test/soak/**/*.spec.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 86_400_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
    allowOnly: false,
    reporters: ['verbose', './test/support/closing-line-reporter.ts'],
  },
});
