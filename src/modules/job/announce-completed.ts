import type { Database } from '../database/index.js';
import type { Transport } from '../transport/index.js';
import { offerTickets } from './offer-tickets.js';
import { markFin, type CompletedBatch } from './repository/batch.repository.js';
import { controlQuery } from './repository/query.js';

/** What it takes to tell every process of a batch. */
export interface AnnouncerParts {
  readonly database: Database;
  readonly transport: Transport;
}

/**
 * Offers the tickets of onComplete jobs and broadcasts `fin`, once the completion is durable. What is lost on the way is made up for: those
 * jobs have due_at, and a duty broadcasts until `fin_at` is set. Never throws and never waits.
 */
export function announceCompleted(
  { database, transport }: AnnouncerParts,
  completed: readonly CompletedBatch[],
): void {
  if (completed.length === 0) return;
  offerTickets(
    transport,
    completed.flatMap(({ job }) => job ?? []),
  );
  for (const { batchId } of completed) transport.broadcast({ kind: 'fin', batchId });
  if (!transport.isAvailable) return;
  markFin(
    controlQuery(database.control),
    completed.map(({ batchId }) => batchId),
  ).catch(() => undefined);
}
