/**
 * How often the page asks while nobody tells it anything, in ms. Together less than one request a second in an open tab, and none in a
 * hidden one. Counts move with every job and are asked for oftener than what changes with a deployment.
 */
const polled = {
  attention: 5_000,
  queues: 5_000,
  history: 20_000,
  workers: 10_000,
  jobs: 10_000,
  job: 3_000,
  schedules: 15_000,
  batches: 10_000,
} as const;

/** The same while events arrive: what they bring is asked for only because ages and rates move by themselves. */
const told = { ...polled, attention: 15_000, queues: 15_000, workers: 30_000, job: 10_000 } as const;

let isLive = false;

/** Whether events arrive. */
export const live = {
  set: (value: boolean): void => {
    isLive = value;
  },
};

/** How long until something is asked for again, in ms. */
export function refresh(what: keyof typeof polled): number {
  return (isLive ? told : polled)[what];
}
