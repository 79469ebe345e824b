/** How long a job waits before its next attempt. */
export interface RetryPolicy {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
  readonly jitter: 'full' | 'none';
}

/** 1 s, 2 s, 4 s, … at most 5 min: quick for a blip, slow enough for an outage. Full jitter spreads a herd of failures. */
export const defaultRetryPolicy: RetryPolicy = {
  initialMs: 1_000,
  factor: 2,
  maxMs: 300_000,
  jitter: 'full',
};

/**
 * The pause before the attempt that follows attempt number `attempt` (≥ 1), in whole ms: `initial × factor^(attempt−1)`,
 * at most `max`; with full jitter evenly drawn from 0 to that.
 * @param random answers a number in [0, 1)
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter")
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: () => number): number {
  const pause = Math.min(policy.maxMs, policy.initialMs * policy.factor ** (Math.max(1, attempt) - 1));
  return Math.round(policy.jitter === 'full' ? pause * random() : pause);
}
