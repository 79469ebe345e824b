import type { Lease } from '../../job/index.js';

/** Longest pause between two looks at a lease that still counts as watching it without a break: three rounds. */
export const LONGEST_BREAK_MS = 6_000;

/**
 * Judges leases by what it has seen itself. A worker is silent when one and the same renewal has been seen for the whole of its
 * visibility timeout, without a break in the watch or in the contact to the database: after an outage, or a stall of this process,
 * every worker gets the whole time again. All times are monotonic, in ms.
 */
export class WorkerWatch {
  private readonly seen = new Map<string, { readonly seenAt: string; readonly sinceMs: number }>();
  private lookedAt = -Infinity;

  /** Takes one look at all open leases; answers those that are silent. `contactMs`: how long the database has been in reach. */
  look(leases: readonly Lease[], now: number, contactMs: number): Lease[] {
    if (now - this.lookedAt > LONGEST_BREAK_MS || now - contactMs > this.lookedAt) this.forget();
    this.lookedAt = now;
    const open = new Set(leases.map((lease) => lease.workerId));
    for (const id of this.seen.keys()) if (!open.has(id)) this.seen.delete(id);
    return leases.filter((lease) => {
      const last = this.seen.get(lease.workerId);
      if (last?.seenAt === lease.seenAt) return now - last.sinceMs >= lease.visibilityTimeoutMs;
      this.seen.set(lease.workerId, { seenAt: lease.seenAt, sinceMs: now });
      return false;
    });
  }

  /** Begins the watch anew. */
  forget(): void {
    this.seen.clear();
  }
}
