import type { Database } from '../database/index.js';
import type { Transport } from '../transport/index.js';
import type { JobEnqueuer } from './job-enqueuer.js';
import { markFin, type CompletedBatch } from './repository/batch.repository.js';
import { controlQuery } from './repository/query.js';

/** What it takes to tell every process of a batch. */
export interface AnnouncerParts {
  readonly database: Database;
  readonly transport: Transport;
  readonly enqueuer: Pick<JobEnqueuer, 'stored'>;
}

/**
 * Counts the onComplete jobs, offers their tickets and broadcasts `fin`, once the completion is durable. Tickets and broadcasts that are
 * lost on the way are made up for: those jobs have due_at, and a duty broadcasts until `fin_at` is set. Never throws and never waits.
 */
export function announceCompleted(
  { database, transport, enqueuer }: AnnouncerParts,
  completed: readonly CompletedBatch[],
): void {
  if (completed.length === 0) return;
  enqueuer.stored(completed.flatMap(({ job }) => job ?? []));
  for (const { batchId } of completed) transport.broadcast({ kind: 'fin', batchId });
  if (!transport.isAvailable) return;
  markFin(
    controlQuery(database.control),
    completed.map(({ batchId }) => batchId),
  ).catch(() => undefined);
}
