import { expect } from 'vitest';
import { eventually } from './eventually.js';
import type { RookeryProcess } from './rookery-process.js';
import type { TestDatabase } from './database.js';
import { breachesOf, inWords } from './invariants.js';
import type { ServiceScene } from './service-scene.js';

/** Jobs that are enqueued all the time, while something is broken. */
export interface FaultLoad {
  /** Those that were acknowledged so far. */
  readonly ids: readonly string[];
  /** Resolves when so many more have been acknowledged. */
  more(count: number): Promise<void>;
  /** Ends it once what is under way is answered. */
  end(): Promise<void>;
}

/** Between two requests, in ms: what two workers keep up with. */
const PAUSE_MS = 100;

/** Enqueues ten short jobs at a time through that process; one in five fails once, one is delayed. A request that is refused is not repeated. */
export function loadThrough(started: RookeryProcess): FaultLoad {
  const ids: string[] = [];
  let isEnding = false;
  const kinds = [{ payload: { ms: 50 } }, { payload: { ms: 5 } }, { payload: { ms: 300 } }];
  const failing = { payload: { ms: 5, failures: 1 } };
  const delayed = { payload: { ms: 5 }, delay: '1s' };
  const jobs = [...kinds, failing, delayed, ...kinds, failing, delayed].map((kind) => ({
    name: 'work',
    // More than any test has losses, which are charged.
    maxAttempts: 20,
    ...kind,
  }));
  const loading = (async (): Promise<void> => {
    while (!isEnding) {
      const answer = await started.post<{ ids: string[] }>('/job/bulk', jobs);
      if (answer.status === 201) ids.push(...answer.body.ids);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  // Heard by whoever ends the load.
  loading.catch(() => undefined);
  return {
    ids,
    more: async (count) => {
      const from = ids.length;
      await eventually(() => ids.length >= from + count, { withinMs: 60_000 });
    },
    end: async () => {
      isEnding = true;
      await loading;
    },
  };
}

type Query = TestDatabase['query'];

/** Resolves when no job is open any more, those included whose enqueue was never answered. */
export async function nothingIsOpen(query: Query, withinMs = 60_000): Promise<void> {
  await eventually(
    async () => {
      const open = await query<{ name: string; status: string; count: number }>(
        `SELECT name, status, count(*)::int AS count FROM job WHERE status IN ('waiting', 'executing') GROUP BY 1, 2`,
      );
      if (open.length > 0) throw new Error(`still open: ${JSON.stringify(open)}`);
      return true;
    },
    { withinMs, everyMs: 100 },
  );
}

/** Asserts that each of these jobs ended in that state. */
export async function expectEach(query: Query, ids: readonly string[], status: string): Promise<void> {
  const found = await query<{ id: string }>(
    'SELECT id FROM job WHERE id = ANY ($1::uuid[]) AND status = $2',
    [ids, status],
  );
  const known = new Set(found.map(({ id }) => id));
  expect(ids.filter((id) => !known.has(id))).toEqual([]);
}

/** Waits until nothing is open and asserts that no promise is broken in the scene, whatever else it has shown. */
export async function expectUnbroken(
  { database, outbox }: Pick<ServiceScene, 'database' | 'outbox'>,
  accepted: readonly string[],
): Promise<void> {
  await nothingIsOpen(database.query);
  const told = accepted.map((id) => ({ id }));
  const breaches = await breachesOf(database.query, told, { outbox: await outbox(), isOver: true });
  expect(inWords(breaches)).toBe('');
}

/** How often each of these outcomes is in the histories, all jobs together. */
export async function outcomesIn(query: Query): Promise<Readonly<Record<string, number>>> {
  const rows = await query<{ outcome: string; count: number }>(
    `SELECT entry ->> 'outcome' AS outcome, count(*)::int AS count FROM job, jsonb_array_elements(history) AS entry GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count]));
}

/** The sum of a metric of that process over all its labels, or over those lines that hold `label`. */
export async function metricOf(started: RookeryProcess, name: string, label = ''): Promise<number> {
  const response = await fetch(`${await started.ready()}/metrics`);
  expect(response.status).toBe(200);
  const lines = (await response.text()).split('\n');
  const wanted = lines.filter((line) => /^[a-z_]+/.exec(line)?.[0] === name && line.includes(label));
  return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
