import { idTime, lowestIdAt } from '../../kernel/ids.js';

/** `job` is partitioned by id, a partition a day in UTC; ids carry their time, so an id tells its partition. */
export const DAY_MS = 86_400_000;

/** The day an id belongs to: its midnight in UTC, in ms since the epoch. */
export function dayOf(id: string): number {
  return startOfDay(idTime(id));
}

/** The midnight in UTC at or before that time. */
export function startOfDay(ms: number): number {
  return ms - (ms % DAY_MS);
}

/** The first day whose jobs are within that retention: a day is kept until the youngest job there can be in it is that old. */
export function oldestKeptDay(nowMs: number, retentionMs: number): number {
  return startOfDay(nowMs - retentionMs);
}

/** The day as partition names end in it: `20260131`. */
export function daySuffix(day: number): string {
  return new Date(day).toISOString().slice(0, 10).replaceAll('-', '');
}

/** The day of a partition's name (`job_20260131`), or undefined when the name is no partition's. */
export function dayOfPartition(name: string): number | undefined {
  const match = /_(\d{4})(\d{2})(\d{2})$/.exec(name);
  if (!match) return undefined;
  const day = Date.parse(`${match[1]}-${match[2]}-${match[3]}T00:00:00Z`);
  return Number.isNaN(day) ? undefined : day;
}

/** The ids of a day: from the first (included) to the last (excluded). */
export function dayBounds(day: number): { readonly from: string; readonly to: string } {
  return { from: lowestIdAt(day), to: lowestIdAt(day + DAY_MS) };
}

/**
 * Splits items by the day of their id, the days in their order and each group in id order: a hot statement touches one partition, and
 * whoever changes several rows locks them in one order.
 */
export function groupByDay<Item>(items: readonly Item[], idOf: (item: Item) => string): Map<number, Item[]> {
  const [first] = items;
  if (first === undefined) return new Map();
  const day = dayOf(idOf(first));
  const { from, to } = dayBounds(day);
  const groups = new Map<number, Item[]>();
  let last = '';
  let isSorted = true;
  for (const item of items) {
    const id = idOf(item);
    // Nearly always all are of one day and in order, which comparing text tells sooner than reading each id's time.
    const own = id >= from && id < to ? day : dayOf(id);
    const group = groups.get(own);
    if (group) group.push(item);
    else groups.set(own, [item]);
    if (id < last) isSorted = false;
    last = id;
  }
  if (isSorted) return groups;
  for (const group of groups.values()) group.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  return groups.size > 1 ? new Map([...groups].sort(([a], [b]) => a - b)) : groups;
}
