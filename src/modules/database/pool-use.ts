/** Sessions of a pool that are open, those of them at work, and requests that wait for one. */
export interface PoolUse {
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
}

/** What a pool of `pg` says of itself. */
interface CountingPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

/** Reads a pool's counts; a session that is being opened is at work. */
export function poolUse({ totalCount, idleCount, waitingCount }: CountingPool): PoolUse {
  return { open: totalCount, busy: totalCount - idleCount, waiting: waitingCount };
}
