import { answered, api, ask } from '../api/client.js';
import { serverNow } from '../api/server-clock.js';
import type { BulkBody, BulkChange } from '../api/types.js';

export type { BulkBody };
export type BulkVerb = 'retry' | 'cancel';

/** Requests a count may take before it is shown, each of at most 10,000 jobs found and 100,000 looked at; what is more is "at least". */
const MOST_COUNTS = 5;

/** What a part of a count has found, and from where it goes on; `next` is null when all is counted. */
export interface Counted {
  readonly matched: number;
  readonly next: string | null;
}

/** How far a change has come. */
export interface Changed {
  /** Those told to stop among them. */
  readonly count: number;
  /** Of them, those that go on until their worker has stopped them. */
  readonly executing: number;
  readonly isWhole: boolean;
  /** Why it ended, when a request failed. */
  readonly error?: Error;
}

/**
 * The jobs of a body as they are now: none that is made later, or fails later, is of them, so that what was counted is what is changed. Jobs
 * named by their ids stay as they are.
 */
export function asOfNow(body: BulkBody): BulkBody {
  if (body.ids) return body;
  const until = Math.min(serverNow(), body.until === undefined ? Infinity : Date.parse(body.until));
  return Number.isNaN(until) ? body : { ...body, until: new Date(until).toISOString() };
}

/** Counts what a change would change, from the cursor on. */
export async function countMatches(
  verb: BulkVerb,
  body: BulkBody,
  cursor: string | null,
  signal: AbortSignal,
): Promise<Counted> {
  let counted: Counted = { matched: 0, next: cursor };
  for (let asked = 0; asked < MOST_COUNTS; asked++) {
    const request = { ...body, dryRun: true, ...placeOf(counted.next) };
    const step = await answered<BulkChange>(api.POST(`/job/${verb}`, { body: request, signal, fetch: ask }));
    counted = { matched: counted.matched + step.matched, next: step.next };
    if (step.next === null) break;
  }
  return counted;
}

/** Changes page by page, as long as `goesOn` says so. Does not throw: what was changed before an error is told with it. */
export async function changeAll(
  verb: BulkVerb,
  body: BulkBody,
  goesOn: (changed: number) => boolean,
): Promise<Changed> {
  let [count, executing] = [0, 0];
  let cursor: string | null = null;
  try {
    do {
      const request: BulkBody = { ...body, ...placeOf(cursor) };
      const step = await answered<BulkChange & { readonly executing?: number }>(
        api.POST(`/job/${verb}`, { body: request }),
      );
      count += step.changed;
      executing += step.executing ?? 0;
      cursor = step.next;
    } while (goesOn(count) && cursor !== null);
    return { count, executing, isWhole: cursor === null };
  } catch (error) {
    return { count, executing, isWhole: false, error: error as Error };
  }
}

function placeOf(cursor: string | null): { readonly cursor?: string } {
  return cursor === null ? {} : { cursor };
}
