import type { OutboxLine } from '../fixtures/workload/outbox.js';
import { outboxBreaches, type DatabaseCrash, type ToldJob } from './outbox-invariants.js';
import { RULES, TOLD_JOBS } from './invariants.sql.js';
import type { TestDatabase } from './database.js';

/** What was broken. */
export type Rule =
  | 'accepted'
  | 'idempotency'
  | 'open'
  | 'record'
  | 'worker'
  | 'attempts'
  | 'counters'
  | 'findable'
  | 'keys'
  | 'dedupe'
  | 'schedule'
  | 'batch'
  | 'outbox';

/** One thing that must never be and is. */
export interface Breach {
  readonly rule: Rule;
  /** In words, with the ids that it is about. */
  readonly what: string;
}

/** What a submitter was told: the job was taken, under this `Idempotency-Key` where it sent one. */
export interface Accepted {
  readonly id: string;
  readonly idempotencyKey?: string;
}

/** How a job type refuses a second job for an objectId: none within so many ms, or none while one is open. */
export type DedupeRule = number | 'until finished';

export interface CheckOptions {
  /** What the handlers wrote. It is held against the record of each run, so give it only when nothing runs any more. */
  readonly outbox?: readonly OutboxLine[];
  /** True when all has been waited for: a job that is open is a breach then. */
  readonly isOver?: boolean;
  /** When the database server was killed, which may then have forgotten claims. */
  readonly crashes?: readonly DatabaseCrash[];
  /** The rules of the types that have one, by name. */
  readonly dedupe?: Readonly<Record<string, DedupeRule>>;
}

/**
 * Everything in a database that breaks what Rookery promises, given what the submitters were told; empty when nothing does. Each rule is one
 * statement and so sees one moment: it may be asked of a database that is at work. At most 100 breaches a rule are told.
 *
 * What it cannot know: jobs and keys that were pruned or swept (it takes them for lost), and jobs that were triggered by hand while the
 * process was killed (their fire is recorded after them).
 */
export async function breachesOf(
  query: TestDatabase['query'],
  accepted: readonly Accepted[],
  options: CheckOptions = {},
): Promise<Breach[]> {
  const breaches: Breach[] = [];
  for (const { rule, text, values } of RULES) {
    const given = values?.(accepted, options) ?? [];
    if (given === 'not asked') continue;
    for (const { what } of await query<{ what: string }>(`${text} LIMIT 100`, given))
      breaches.push({ rule, what });
  }
  if (options.outbox) {
    const jobs = await query<ToldJob>(TOLD_JOBS);
    for (const what of outboxBreaches(options.outbox, jobs, options.crashes ?? []).slice(0, 100))
      breaches.push({ rule: 'outbox', what });
  }
  return breaches;
}

/** The breaches as one reads them in a failure. */
export function inWords(breaches: readonly Breach[]): string {
  return breaches.map(({ rule, what }) => `${rule}: ${what}`).join('\n');
}
