import { isIPv6 } from 'node:net';

/** Wrong tokens one address may show within a window: a person mistypes a few times. */
const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** Most addresses remembered, about a megabyte; of more, the oldest are forgotten. */
const MOST_ADDRESSES = 10_000;

interface Failures {
  count: number;
  readonly endsAtMs: number;
}

/** Counts wrong tokens by address, so that guessing is slow; bounded in memory, whoever calls. */
export class FailureLimit {
  private readonly failures = new Map<string, Failures>();

  /** How long the address has to wait, in ms; 0 when it may try. */
  waitMs(address: string, nowMs: number): number {
    const failures = this.failures.get(networkOf(address));
    if (!failures || failures.count < MOST_FAILURES) return 0;
    return Math.max(0, failures.endsAtMs - nowMs);
  }

  add(address: string, nowMs: number): void {
    const network = networkOf(address);
    const failures = this.failures.get(network);
    if (failures && failures.endsAtMs > nowMs) {
      failures.count++;
      return;
    }
    this.failures.delete(network);
    this.failures.set(network, { count: 1, endsAtMs: nowMs + WINDOW_MS });
    const [oldest] = this.failures.keys();
    if (this.failures.size > MOST_ADDRESSES && oldest !== undefined) this.failures.delete(oldest);
  }
}

/** An IPv6 host commonly has a whole /64 to call from. */
function networkOf(address: string): string {
  const bare = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - behind.length) }, () => '0');
  const all = tail === undefined ? groups : [...groups, ...zeros, ...behind];
  return all.slice(0, 4).join(':');
}
