import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { controlQuery } from '../job/index.js';
import { TRANSPORT, TableOnlyTransport, type Transport } from '../transport/index.js';
import { attentionOf, type AttentionItem } from './attention.js';
import { QueueHistoryReader } from './queue-history.js';
import { QueueReader } from './queue-reader.js';
import { SharedAnswer } from './shared-answer.js';
import { StatusReader } from './status-reader.js';
import { WorkerList } from './worker-list.js';
import { lostWorkers } from './worker-query.repository.js';

/** The hour in which a worker that was lost is news. */
const LOST_WITHIN_MS = 3_600_000;
/** What flows are judged by. */
const MINUTES = 60;
/** As quick as somebody looks, who has just resumed a queue and waits for it to be gone. */
const KEPT_MS = 1_000;

/** Tells what needs attention first, from counters and leases; one reading serves all who ask within a second. */
@Injectable()
export class AttentionReader {
  private readonly shared = new SharedAnswer(KEPT_MS, () => this.read());

  constructor(
    private readonly database: Database,
    private readonly status: StatusReader,
    private readonly queues: QueueReader,
    private readonly histories: QueueHistoryReader,
    private readonly workers: WorkerList,
    @Inject(TRANSPORT) private readonly transport: Transport,
  ) {}

  /** Worst first; empty when all is well. */
  attention(): Promise<AttentionItem[]> {
    return this.shared.get();
  }

  private async read(): Promise<AttentionItem[]> {
    const [status, queues, history, workers, lost] = await Promise.all([
      this.status.status(),
      this.queues.queues(),
      this.histories.history(MINUTES),
      this.workers.workers(),
      lostWorkers(controlQuery(this.database.control), LOST_WITHIN_MS),
    ]);
    return attentionOf({
      nowMs: this.database.clock.now(),
      queues,
      flows: history.queues,
      unserved: status.unservedTypes,
      workers,
      lost: lost.map(({ lostAt, ...worker }) => ({ ...worker, lostAt: lostAt.toISOString() })),
      // A process that has no transport by its settings misses none.
      isTransportThere: this.transport.isAvailable || this.transport instanceof TableOnlyTransport,
    });
  }
}
