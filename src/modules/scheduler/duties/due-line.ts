import { FIRST_ID, type DuePlace, type StagedJob } from '../../job/index.js';

/** How far each reading goes back for rows that committed late: many times what a commit takes. */
const SHORT_WINDOW_MS = 500;
/** How far back one reading in five goes, for a commit that had to wait. */
export const LONG_WINDOW_MS = 5_000;
const LONG_WINDOW_EVERY = 5;

/** Most ids a queue remembers, about 10 MB; reached only by tens of thousands of jobs due within one window. */
const MOST_REMEMBERED = 50_000;

/**
 * The stager's place in one queue. Reading goes on after the last row read; once the end was reached it begins again a little
 * earlier, because rows may commit after others with later due times, and passes over the ids it remembers. A way back that is
 * crowded is gone a page a reading, so that it never keeps new rows waiting. Where ids had to be forgotten it does not go back
 * beyond them: a row that commits behind is left to the sweep for what no ticket covers.
 */
export class DueLine {
  /** What was taken within the longest window, in the order it was taken. */
  private readonly taken = new Map<string, StagedJob>();
  /** The latest due among those forgotten early. */
  private floor: StagedJob | undefined;
  /** The latest due row ever read. */
  private front: StagedJob | undefined;
  /** Where the way back was left. */
  private behind: StagedJob | undefined;
  private ends = 0;

  /** @param last where reading begins */
  constructor(private last: DuePlace) {}

  /** Where reading goes on. */
  get place(): DuePlace {
    return this.last;
  }

  /** How many ids are remembered. */
  get remembered(): number {
    return this.taken.size;
  }

  /**
   * Of the rows just read, those not taken before at this due time; they are taken now. Reading goes on after them, or, when they were
   * the last there were (`endMs`, the time of the reading on the database's clock), a window earlier.
   */
  take(rows: readonly StagedJob[], endMs: number | undefined): StagedJob[] {
    const fresh = rows.filter((row) => this.taken.get(row.id)?.dueMs !== row.dueMs);
    for (const row of fresh) {
      this.taken.delete(row.id);
      this.taken.set(row.id, row);
    }
    this.forgetBeyondBound();
    const last = rows.at(-1);
    const isWayBack = last !== undefined && this.front !== undefined && !isLater(last, this.front);
    if (last && !isWayBack) this.front = last;
    if (endMs !== undefined) this.goBack(endMs);
    else if (this.front) {
      if (isWayBack) this.behind = last;
      this.last = placeOf(this.front);
    }
    return fresh;
  }

  /** To where a crowded way back was left, or else a window before the end. */
  private goBack(endMs: number): void {
    this.forgetBefore(endMs - LONG_WINDOW_MS);
    const { behind, floor } = this;
    this.behind = undefined;
    if (behind) {
      this.last = placeOf(behind);
      return;
    }
    const toMs = endMs - (this.ends++ % LONG_WINDOW_EVERY === 0 ? LONG_WINDOW_MS : SHORT_WINDOW_MS);
    const isFloored = floor !== undefined && floor.dueMs >= toMs;
    this.last = isFloored ? placeOf(floor) : { dueAt: new Date(toMs).toISOString(), id: FIRST_ID };
  }

  private forgetBefore(dueMs: number): void {
    for (const [id, row] of this.taken) {
      if (row.dueMs >= dueMs) return;
      this.taken.delete(id);
    }
  }

  private forgetBeyondBound(): void {
    for (const [id, row] of this.taken) {
      if (this.taken.size <= MOST_REMEMBERED) return;
      this.taken.delete(id);
      if (!this.floor || isLater(row, this.floor)) this.floor = row;
    }
  }
}

function placeOf(row: StagedJob): DuePlace {
  return { dueAt: row.dueAt, id: row.id };
}

function isLater(row: StagedJob, other: StagedJob): boolean {
  return row.dueMs === other.dueMs ? row.id > other.id : row.dueMs > other.dueMs;
}
