/**
 * How often the page asks while nobody tells it anything, in ms. Together less than one request a second in an open tab, and none in a
 * hidden one. Counts move with every job and are asked for oftener than what changes with a deployment.
 */
export const refresh = {
  attention: 5_000,
  queues: 5_000,
  history: 20_000,
  workers: 10_000,
  jobs: 10_000,
  job: 3_000,
  schedules: 15_000,
  batches: 10_000,
} as const;
