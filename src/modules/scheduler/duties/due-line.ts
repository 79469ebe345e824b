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
 * earlier, because rows may commit after others with later due times, and passes over the ids it remembers. Where it had to forget
 * some it does not go back beyond them: a row that commits behind is left to the sweep for what no ticket covers.
 */
export class DueLine {
  /** The due time of each id that was taken within the longest window, in the order they were taken. */
  private readonly taken = new Map<string, StagedJob>();
  /** The latest due among those forgotten early. */
  private floor: StagedJob | undefined;
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

  /** Of the rows just read, those not taken before at this due time; they are taken now. */
  take(rows: readonly StagedJob[]): StagedJob[] {
    const fresh = rows.filter((row) => this.taken.get(row.id)?.dueMs !== row.dueMs);
    for (const row of fresh) {
      this.taken.delete(row.id);
      this.taken.set(row.id, row);
    }
    const last = rows.at(-1);
    if (last) this.last = { dueAt: last.dueAt, id: last.id };
    this.forgetBeyondBound();
    return fresh;
  }

  /** The end was reached at `readMs`, on the database's clock: reading begins again a window earlier. */
  reachEnd(readMs: number): void {
    for (const [id, row] of this.taken) {
      if (row.dueMs >= readMs - LONG_WINDOW_MS) break;
      this.taken.delete(id);
    }
    const againMs = readMs - (this.ends++ % LONG_WINDOW_EVERY === 0 ? LONG_WINDOW_MS : SHORT_WINDOW_MS);
    const { floor } = this;
    this.last =
      floor && floor.dueMs >= againMs
        ? { dueAt: floor.dueAt, id: floor.id }
        : { dueAt: new Date(againMs).toISOString(), id: FIRST_ID };
  }

  private forgetBeyondBound(): void {
    for (const [id, row] of this.taken) {
      if (this.taken.size <= MOST_REMEMBERED) return;
      this.taken.delete(id);
      if (!this.floor || isLater(row, this.floor)) this.floor = row;
    }
  }
}

function isLater(row: StagedJob, other: StagedJob): boolean {
  return row.dueMs === other.dueMs ? row.id > other.id : row.dueMs > other.dueMs;
}
