import { defineConfig } from 'vitest/config';

/** A run of its own, apart from `npm test`: it needs a Docker engine. */
export default defineConfig({
  test: {
    name: 'compose',
    include: ['test/compose/**/*.spec.ts'],
    // Each test is a scene that goes on where the last one ended.
    bail: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    // The first build of the image fetches every package.
    hookTimeout: 900_000,
    teardownTimeout: 30_000,
    allowOnly: false,
    reporters: ['verbose', './test/support/closing-line-reporter.ts'],
  },
});
