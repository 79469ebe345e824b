import {
  announceCompleted,
  cancelJobs,
  cancelingBatches,
  markBatchCanceled,
  markFin,
  openMembers,
  overdueBatches,
  untoldBatches,
  FIRST_ID,
  type AnnouncerParts,
} from '../../job/index.js';
import type { Duty, Step } from '../duty.js';

/** A deadline is kept within this. */
const ROUND_MS = 5_000;

/** Batches looked at a round; there are seldom more than a few. */
const MOST_BATCHES = 100;

/** Members read, and canceled, by one step: it is over before anyone waits for its locks. */
const MEMBERS_A_PAGE = 500;

/** Pages of one batch a round, so that a large one does not hold up the others. */
const PAGES_A_ROUND = 20;

/**
 * Ends what a batch's own statements leave open: seals and cancels batches past their deadline, cancels the members of canceled ones, and
 * broadcasts `fin` for complete ones until every process can have heard it.
 */
export class BatchCloser implements Duty {
  readonly name = 'batch closer';
  readonly everyMs = ROUND_MS;
  /** How far the members of a canceled batch have been walked. */
  private places = new Map<string, string>();

  constructor(private readonly parts: AnnouncerParts) {}

  begin(): void {
    this.places.clear();
  }

  async runOnce(step: Step): Promise<boolean> {
    for (const id of await step((query) => overdueBatches(query, MOST_BATCHES))) {
      announceCompleted(this.parts, (await step((query) => markBatchCanceled(query, id, true))) ?? []);
    }
    const canceling = await step((query) => cancelingBatches(query, MOST_BATCHES));
    this.places = new Map([...this.places].filter(([id]) => canceling.some((batch) => batch.id === id)));
    for (const { id, isOverdue } of canceling) await this.cancelMembers(step, id, isOverdue);
    await this.tell(step);
    return this.places.size > 0;
  }

  /** Goes some pages on; after the last it begins anew in the next round, for members that return to waiting. */
  private async cancelMembers(step: Step, id: string, onlyWaiting: boolean): Promise<void> {
    const { transport } = this.parts;
    for (let pages = 0; pages < PAGES_A_ROUND; pages++) {
      const place = this.places.get(id) ?? FIRST_ID;
      const page = await step((query) =>
        openMembers(query, id, { place, limit: MEMBERS_A_PAGE, onlyWaiting }),
      );
      if (page.ids.length > 0) {
        const { jobs, completed } = await step((query) => cancelJobs(query, page.ids, onlyWaiting));
        announceCompleted(this.parts, completed);
        const executing = jobs.filter((job) => job.status === 'executing').map((job) => job.id);
        if (executing.length > 0) transport.broadcast({ kind: 'cancel', ids: executing });
      }
      if (page.place === undefined) return void this.places.delete(id);
      this.places.set(id, page.place);
    }
  }

  /** Who completed them may have died before it told anyone; where no message gets through for a minute, nobody listens. */
  private async tell(step: Step): Promise<void> {
    const { transport } = this.parts;
    const untold = await step((query) => untoldBatches(query, MOST_BATCHES));
    for (const { id } of untold) transport.broadcast({ kind: 'fin', batchId: id });
    const told = untold.filter(({ isOld }) => isOld || transport.isAvailable).map(({ id }) => id);
    if (told.length > 0) await step((query) => markFin(query, told));
  }
}
