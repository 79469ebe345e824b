import type { Clock } from '../../kernel/clock.js';
import { idTime, lowestIdAt } from '../../kernel/ids.js';
import {
  FIRST_DUE_PLACE,
  laneOf,
  lookDue,
  lookFresh,
  queuesNamed,
  type DuePlace,
  type LookRange,
  type Query,
} from '../job/index.js';
import {
  freshLanes,
  lanes,
  type FreshLane,
  type Lane,
  type OldestTicket,
  type Transport,
} from '../transport/index.js';

/** Ids one read answers: a few claims' worth, so that a worker that finds much does not read for each claim. */
const PAGE = 1_000;

/**
 * Rows this young may still be unwritten when their younger neighbours are read: an INSERT runs at most 10 s after its ids
 * were made, or gives its rows due_at.
 */
const SETTLING_MS = 12_000;

/** Rows this young may be unwritten in the ordinary course of things; one that takes longer is met by the next pass. */
const WRITING_MS = 250;

/**
 * A pass that has come to the end goes on from there while it is younger: the looks that follow each other through a long line in one lane
 * would else read its last `SETTLING_MS` again each time on behalf of every other lane.
 */
const SHORTEST_PASS_MS = 800;

/** A pass through a line that grows faster than it is worked off would never end, and what was unwritten never be read. */
const LONGEST_PASS_MS = 12_000;

/** One pass through a lane, which may take many looks: each row is read about once in it. */
interface Pass {
  /** In ms: what was unwritten when its neighbours were read is younger than this by at most `SETTLING_MS`. */
  readonly beganAt: number;
  /** Every id up to this one has been tried. */
  readonly reached: string;
  /** True when its last look came to the end of the lane. */
  readonly isAtEnd: boolean;
}

/** One walk through the jobs that waited for a time, which may take many looks. */
interface DueWalk {
  readonly beganAt: number;
  readonly place: DuePlace;
  /** False once a job was left untried for want of slots: the next walk meets it. */
  readonly isAllTried: boolean;
}

/** How the look hands jobs over: claims some of the ids, as many as there are slots for; answers how many of them were tried. */
export type TryClaim = (lane: Lane, ids: readonly string[]) => Promise<number>;

/** What the look asks the transport: which jobs have tickets. */
export type TicketAges = Pick<Transport, 'isAvailable' | 'oldestTicketAt'>;

export interface LookParts {
  readonly query: Query;
  readonly transport: TicketAges;
  readonly clock: Clock;
  readonly queue: string;
  readonly names: readonly string[];
  readonly pollIntervalMs: number;
}

/**
 * A worker's own look at one queue's table for jobs that no ticket covers: older than the oldest ticket of their lane by
 * `pollInterval`, or everything while there is no transport or after tickets were dropped. It goes on from where it stopped,
 * so that a row is read about once, and jobs in a long line are all reached; the next pass begins with what may have been unwritten when
 * the last one did.
 */
export class Look {
  private readonly passes = new Map<FreshLane, Pass>();
  /** By lane, when tickets may last have been dropped; jobs up to then have none once every ticket of that time is gone. */
  private readonly gaps = new Map<Lane, number>();
  /** Under way; the next one begins from the earliest. */
  private dueWalk: DueWalk | undefined;
  private readonly range: LookRange;

  constructor(private readonly parts: LookParts) {
    this.range = { queue: parts.queue, names: parts.names, limit: PAGE };
    // What waited before this process began may have no ticket.
    this.noticeGap();
  }

  /** Tickets may have been dropped. */
  noticeGap(): void {
    const now = this.parts.clock.now();
    for (const lane of lanes) this.gaps.set(lane, now);
  }

  /** True while there may be jobs without tickets that no look has come to: looking again soon is worth it. */
  get hasGap(): boolean {
    return this.gaps.size > 0;
  }

  /**
   * Looks once through the queue. Answers whether the look came to the end; it did not when slots or the page ran out, and goes on
   * from there when called again.
   */
  async once(tryClaim: TryClaim): Promise<boolean> {
    const [state] = await queuesNamed(this.parts.query, [this.parts.queue]);
    if (!state) return true;
    const gaps = new Map(this.gaps);
    const cutoffs = await this.cutoffs(gaps);
    const {
      beganAt: walkBeganAt,
      isComplete: isDueComplete,
      isAllTried,
    } = await this.lookAtDue(cutoffs, tryClaim);
    // A pass or a walk that began before the gap may have gone by what had a ticket then.
    const isDueCovered = (lane: Lane): boolean =>
      isDueComplete && isAllTried && walkBeganAt >= (gaps.get(lane) ?? 0);
    if (isDueCovered('retry')) this.closeGap('retry', gaps, cutoffs);
    let isComplete = isDueComplete;
    for (const lane of freshLanes) {
      const cutoff = cutoffs.get(lane);
      if (cutoff === undefined) continue;
      const pass = this.passOf(lane, state.watermark);
      const isLaneComplete = await this.lookAtLane(lane, pass, cutoff, state.watermark, tryClaim);
      const isCurrent = pass.beganAt >= (gaps.get(lane) ?? 0);
      if (isLaneComplete && isCurrent && isDueCovered(lane)) this.closeGap(lane, gaps, cutoffs);
      isComplete = isLaneComplete && isComplete;
    }
    return isComplete;
  }

  /** The pass a lane is in; the next one, from what may have been unwritten when the last began, once that is over or the clock was set back. */
  private passOf(lane: FreshLane, watermark: string): Pass {
    const now = this.parts.clock.now();
    const pass = this.passes.get(lane);
    if (!pass) return { beganAt: now, reached: watermark, isAtEnd: false };
    const ageMs = now - pass.beganAt;
    if (ageMs >= 0 && ageMs <= (pass.isAtEnd ? SHORTEST_PASS_MS : LONGEST_PASS_MS)) return pass;
    const settledMs = Math.min(pass.beganAt, now) - SETTLING_MS;
    return { beganAt: now, reached: earlier(pass.reached, settledMs), isAtEnd: false };
  }

  /** Every job of the lane up to its cutoff was tried, which makes good for tickets that were dropped by then. */
  private closeGap(lane: Lane, gaps: ReadonlyMap<Lane, number>, cutoffs: ReadonlyMap<Lane, number>): void {
    const gapAt = gaps.get(lane);
    const isCovered = gapAt !== undefined && (cutoffs.get(lane) ?? 0) >= gapAt;
    if (isCovered && this.gaps.get(lane) === gapAt) this.gaps.delete(lane);
  }

  /** Up to which time, in ms, the jobs of each lane are uncovered; a lane of which nothing is known is missing. */
  private async cutoffs(gaps: ReadonlyMap<Lane, number>): Promise<Map<Lane, number>> {
    const { transport, clock, queue, pollIntervalMs } = this.parts;
    const now = clock.now();
    const cutoffs = new Map<Lane, number>();
    for (const lane of lanes) {
      if (!transport.isAvailable) {
        cutoffs.set(lane, now);
        continue;
      }
      const oldest = await transport.oldestTicketAt(queue, lane);
      const cutoff = cutoffOf(oldest, now, gaps.get(lane), pollIntervalMs);
      if (cutoff !== undefined) cutoffs.set(lane, cutoff);
    }
    return cutoffs;
  }

  private async lookAtLane(
    lane: FreshLane,
    { beganAt, ...pass }: Pass,
    cutoff: number,
    watermark: string,
    tryClaim: TryClaim,
  ): Promise<boolean> {
    const upTo = lowestIdAt(cutoff + 1);
    const after = pass.reached > watermark ? pass.reached : watermark;
    const readAt = this.parts.clock.now();
    const ids = await lookFresh(this.parts.query, this.range, lane, after, upTo);
    const tried = ids.length === 0 ? 0 : await tryClaim(lane, ids);
    const isAtEnd = tried === ids.length && ids.length < PAGE;
    const reached = isAtEnd ? earlier(upTo, readAt - WRITING_MS) : (ids[tried - 1] ?? after);
    this.passes.set(lane, { beganAt, reached, isAtEnd });
    return isAtEnd;
  }

  /** Jobs that waited for a time; read from the earliest again once the end was reached, for due times are set at any time. */
  private async lookAtDue(
    cutoffs: ReadonlyMap<Lane, number>,
    tryClaim: TryClaim,
  ): Promise<DueWalk & { readonly isComplete: boolean }> {
    const walk = this.dueWalk ?? {
      beganAt: this.parts.clock.now(),
      place: FIRST_DUE_PLACE,
      isAllTried: true,
    };
    if (cutoffs.size === 0) return { ...walk, isComplete: true };
    const rows = await lookDue(this.parts.query, this.range, walk.place, Math.max(...cutoffs.values()));
    let isTried = true;
    for (const lane of lanes) {
      const cutoff = cutoffs.get(lane) ?? -Infinity;
      const ids = rows.filter((row) => laneOf(row) === lane && row.dueMs <= cutoff).map((row) => row.id);
      if (ids.length > 0 && (await tryClaim(lane, ids)) < ids.length) isTried = false;
    }
    const isAllTried = walk.isAllTried && isTried;
    // A full page goes on behind its last row; what was left for want of slots is met again from the start.
    const last = rows.length === PAGE ? rows.at(-1) : undefined;
    this.dueWalk = last && { beganAt: walk.beganAt, place: last, isAllTried };
    return { ...walk, isAllTried, isComplete: isTried && !last };
  }
}

/** The id, or the lowest of that time if that is earlier. */
function earlier(id: string, ms: number): string {
  return idTime(id) < ms ? id : lowestIdAt(ms);
}

/** With a gap, a lane whose tickets are all younger than it has no ticket for any job up to it. */
function cutoffOf(
  oldest: OldestTicket,
  now: number,
  gapAt: number | undefined,
  pollIntervalMs: number,
): number | undefined {
  switch (oldest.kind) {
    case 'none':
      return gapAt === undefined ? now - pollIntervalMs : now;
    case 'at': {
      const covered = oldest.at - pollIntervalMs;
      return gapAt !== undefined && oldest.at > gapAt ? Math.max(covered, gapAt) : covered;
    }
    case 'unknown':
      return undefined;
  }
}
