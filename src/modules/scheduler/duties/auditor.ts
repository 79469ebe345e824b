import { queueSettings, type RookeryConfig } from '../../../config/index.js';
import { monotonicMs, type Clock } from '../../../kernel/clock.js';
import { lowestIdAt } from '../../../kernel/ids.js';
import { isConnectionLost } from '../../database/index.js';
import {
  DAY_MS,
  allQueues,
  freshAbove,
  offerTickets,
  passRows,
  raiseWatermark,
  type QueueState,
} from '../../job/index.js';
import { freshLanes, type Transport } from '../../transport/index.js';
import type { Duty, Step } from '../duty.js';
import { PageSize } from '../page-size.js';

const ROUND_MS = 10_000;

/** Longest work on one part of a queue's audit in a round; what is left is done in the next. */
const BUDGET_MS = 2_000;

/**
 * Most jobs of a queue that get a ticket again in a round, and the longest work on them: 100,000 lost tickets, all that a lane of the
 * in-process transport holds, are made good in two rounds.
 */
const MOST_OFFERED = 60_000;
const JUDGE_BUDGET_MS = 4_000;

/** How often the last two hours are walked again, and how far back that is. */
const WALK_EVERY_MS = 3_600_000;
const WALK_BACK_MS = 2 * 3_600_000;

/**
 * A watermark that lies this far back is raised, and to where: once a day for a queue without jobs. Nothing that commits can be a day older than
 * its commit, as every transaction that enqueues is bounded in time or gives its jobs due_at from birth.
 */
const RAISE_AFTER_MS = 2 * DAY_MS;
const RAISE_TO_MS = DAY_MS;

/** Rows a page: one that needs no mark costs 1 µs, one that does 20 to 40. */
const FIRST_PAGE = 1_000;
const PAGES = { least: 50, most: 5_000 };

/** What the auditor works with. */
export interface AuditorParts {
  readonly transport: Transport;
  readonly config: RookeryConfig;
  /** The database's clock. */
  readonly clock: Clock;
  /** Monotonic, in ms. */
  readonly elapsed?: () => number;
}

/** What the auditor remembers of a queue. */
interface QueueAudit {
  /** Up to here fresh jobs have been looked at for their tickets. */
  judgedUpTo: string;
  /** Where the walk through the last hours is, and where it ends; undefined between two walks. */
  walk: { at: string; readonly upTo: string } | undefined;
  nextWalkAt: number;
}

/**
 * Keeps every open job findable: moves each queue's watermark over the rows that are old enough, which get due_at if they are open,
 * and offers the fresh jobs above it again whose tickets must have been lost. What it cannot finish in a round it does in the next.
 */
export class Auditor implements Duty {
  readonly name = 'auditor';
  readonly everyMs = ROUND_MS;
  private readonly elapsed: () => number;
  private readonly audits = new Map<string, QueueAudit>();
  private readonly passing: PageSize;
  private readonly judging: PageSize;

  constructor(private readonly parts: AuditorParts) {
    this.elapsed = parts.elapsed ?? monotonicMs;
    this.passing = new PageSize(FIRST_PAGE, PAGES, this.elapsed);
    this.judging = new PageSize(FIRST_PAGE, PAGES, this.elapsed);
  }

  begin(): void {
    this.audits.clear();
  }

  async runOnce(step: Step): Promise<boolean> {
    const failures: unknown[] = [];
    for (const queue of await step(allQueues)) {
      try {
        await this.audit(step, queue);
      } catch (error) {
        if (isConnectionLost(error)) throw error;
        failures.push(error);
      }
    }
    // A row that somebody holds locked stops its own queue, and no other.
    if (failures.length > 0) throw failures[0];
    return false;
  }

  private async audit(step: Step, queue: QueueState): Promise<void> {
    const audit = this.auditOf(queue);
    await this.judge(step, queue, audit);
    await this.pass(step, queue);
    await this.walkAgain(step, queue, audit);
  }

  private auditOf(queue: QueueState): QueueAudit {
    let audit = this.audits.get(queue.name);
    if (!audit) {
      audit = { judgedUpTo: queue.watermark, walk: undefined, nextWalkAt: this.elapsed() };
      this.audits.set(queue.name, audit);
    }
    if (audit.judgedUpTo < queue.watermark) audit.judgedUpTo = queue.watermark;
    return audit;
  }

  private async pass(step: Step, queue: QueueState): Promise<void> {
    let after = queue.watermark;
    let hasPassedAll = false;
    await this.within(BUDGET_MS, async () => {
      const { place, isLast } = await this.passPage(step, queue.name, {
        after,
        upTo: this.horizon(),
        moves: true,
      });
      after = place ?? after;
      hasPassedAll = isLast;
      return !isLast;
    });
    if (hasPassedAll) await this.raise(step, queue.name, after);
  }

  /** Lets the watermark of a queue without jobs follow the days, so that nobody who reads above it has to open them all. */
  private async raise(step: Step, queue: string, watermark: string): Promise<void> {
    const now = this.parts.clock.now();
    if (watermark >= lowestIdAt(now - RAISE_AFTER_MS)) return;
    await step((query) => raiseWatermark(query, queue, watermark, lowestIdAt(now - RAISE_TO_MS)));
  }

  private async walkAgain(step: Step, queue: QueueState, audit: QueueAudit): Promise<void> {
    if (!audit.walk && this.elapsed() >= audit.nextWalkAt) {
      audit.walk = { at: lowestIdAt(this.parts.clock.now() - WALK_BACK_MS), upTo: queue.watermark };
      audit.nextWalkAt = this.elapsed() + WALK_EVERY_MS;
    }
    await this.within(BUDGET_MS, async () => {
      const { walk } = audit;
      if (!walk) return false;
      const { place, isLast } = await this.passPage(step, queue.name, {
        after: walk.at,
        upTo: walk.upTo,
        moves: false,
      });
      walk.at = place ?? walk.at;
      if (isLast) audit.walk = undefined;
      return !isLast;
    });
  }

  private passPage(
    step: Step,
    queue: string,
    range: { readonly after: string; readonly upTo: string; readonly moves: boolean },
  ): Promise<{ place: string | undefined; isLast: boolean }> {
    return this.passing.run(async (limit) => {
      const { passedCount, place } = await step((query) => passRows(query, { ...range, queue, limit }));
      return { place: place ?? undefined, isLast: passedCount < limit };
    });
  }

  /**
   * Offers fresh jobs again that are older than every ticket of their lane, each once: should that ticket be lost too, the watermark
   * passes the job soon, and then the stager sees to it. One cutoff for all lanes, so that each row is read once.
   */
  private async judge(step: Step, queue: QueueState, audit: QueueAudit): Promise<void> {
    if (queue.pausedAt !== null) return;
    const cutoff = await this.cutoff(queue.name);
    if (cutoff === undefined) return;
    const upTo = lowestIdAt(cutoff);
    let offered = 0;
    await this.within(JUDGE_BUDGET_MS, async () => {
      const { page, limit } = await this.judging.run(async (rows) => {
        const range = { queue: queue.name, after: audit.judgedUpTo, upTo, limit: rows };
        return { page: await step((query) => freshAbove(query, range)), limit: rows };
      });
      offerTickets(
        this.parts.transport,
        page.found.map(({ id, lane, attempt }) => ({ id, lane, attempt, queue: queue.name })),
      );
      offered += page.found.length;
      audit.judgedUpTo = page.place ?? audit.judgedUpTo;
      return page.readCount === limit && offered < MOST_OFFERED;
    });
  }

  /** The time before which fresh jobs have no ticket, in any lane; undefined when the transport cannot tell. */
  private async cutoff(queue: string): Promise<number | undefined> {
    const { transport, config, clock } = this.parts;
    let youngest = clock.now();
    for (const lane of freshLanes) {
      const oldest = await transport.oldestTicketAt(queue, lane);
      if (oldest.kind === 'unknown') return undefined;
      if (oldest.kind === 'at') youngest = Math.min(youngest, oldest.at);
    }
    return youngest - queueSettings(config, queue).pollIntervalMs;
  }

  /** An id above every one there can be, which spares the partitions made ahead. */
  private horizon(): string {
    return lowestIdAt(this.parts.clock.now());
  }

  /** Repeats while there is more to do and time is left. */
  private async within(budgetMs: number, doNext: () => Promise<boolean>): Promise<void> {
    const endAt = this.elapsed() + budgetMs;
    while ((await doNext()) && this.elapsed() < endAt);
  }
}
