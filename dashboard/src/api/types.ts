/** The API's answers, as the page uses them. Times are ISO 8601. */

export const jobStates = ['waiting', 'executing', 'done', 'failed', 'canceled'] as const;
export type JobState = (typeof jobStates)[number];

export interface StoredError {
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
}

export interface HistoryEntry {
  readonly run: number;
  readonly attempt: number;
  readonly outcome: 'failed' | 'canceled' | 'snoozed' | 'interrupted' | 'lost';
  readonly worker: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string;
  readonly error?: StoredError;
}

export interface Job {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly lane: string;
  readonly status: JobState;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly run: number;
  readonly payload: unknown;
  readonly result: unknown;
  readonly history: readonly HistoryEntry[];
  readonly progress: { readonly fraction?: number; readonly note?: string } | null;
  readonly objectId: string | null;
  readonly batchId: string | null;
  readonly schedule: string | null;
  readonly retryOf: string | null;
  readonly workerId: string | null;
  readonly timeoutMs: number | null;
  readonly createdAt: string;
  readonly dueAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly next: string | null;
  readonly scannedTo?: string;
}

export interface JobLog {
  readonly id: string;
  readonly lines: readonly {
    readonly run: number;
    readonly line: number;
    readonly at: string;
    readonly message: string;
  }[];
}

/** What keeps a waiting job from running, the most telling first. */
export interface JobWaiting {
  readonly id: string;
  readonly status: JobState;
  readonly reasons: readonly { readonly code: string; readonly text: string }[];
}

export interface Counts {
  readonly processed: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly waiting: number;
  readonly executing: number;
}

export interface Status extends Counts {
  readonly unservedTypes: readonly {
    readonly name: string;
    readonly queue: string;
    readonly waiting: number;
  }[];
}

export interface Queue extends Counts {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedAt: string | null;
  readonly oldestWaitingMs: number | null;
  readonly perMinute: {
    readonly enqueued: number;
    readonly done: number;
    readonly failed: number;
    readonly canceled: number;
  };
}

export interface QueueSlots {
  readonly busy?: number;
  readonly stuck?: number;
  readonly retryBusy?: number;
  readonly concurrency?: number;
  readonly retryConcurrency?: number;
}

export interface Worker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly entry: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  readonly slots: number;
  readonly busy: number;
  readonly stuck: number;
  readonly draining: boolean;
  readonly slotsByQueue: Readonly<Record<string, QueueSlots>>;
  readonly startedAt: string;
  readonly seenAt: string;
}

/** One number a minute, oldest first; the last is the minute that runs. */
export interface QueueHistory {
  readonly name: string;
  readonly enqueued: readonly number[];
  readonly done: readonly number[];
  readonly failed: readonly number[];
  readonly canceled: readonly number[];
}

export interface History {
  readonly from: string;
  readonly minutes: number;
  readonly queues: readonly QueueHistory[];
}

export interface AttentionItem {
  readonly code:
    | 'no_worker'
    | 'unserved_type'
    | 'stuck_slots'
    | 'failure_spike'
    | 'old_job'
    | 'lost_worker'
    | 'transport_away'
    | 'queue_paused';
  readonly severity: 'critical' | 'warning';
  readonly title: string;
  readonly detail: string;
  readonly queue: string | null;
  readonly name: string | null;
  readonly workerId: string | null;
  readonly since: string | null;
}

export interface BulkChange {
  readonly matched: number;
  readonly changed: number;
  readonly more: boolean;
  readonly next: string | null;
  readonly executing?: number;
}

export interface Schedule {
  readonly name: string;
  readonly source: 'code' | 'api';
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
  readonly job: string;
  readonly payload: unknown;
  readonly catchUp: 'skip' | 'latest' | { readonly all: number };
  readonly jitterMs: number;
  readonly startAt: string | null;
  readonly endAt: string | null;
  readonly paused: boolean;
  readonly orphaned: boolean;
  readonly lastFireAt: string | null;
  readonly nextFireAt: string | null;
  readonly error: string | null;
}

export interface ScheduleFire {
  readonly fireAt: string;
  readonly firedAt: string;
  readonly jobId: string;
  readonly manual: boolean;
}

export interface PreviewedFire {
  readonly fireAt: string;
  readonly local: string;
  readonly note?: string;
}

export interface Batch {
  readonly id: string;
  readonly key: string | null;
  readonly name: string;
  readonly queue: string;
  readonly status: 'open' | 'running' | 'complete' | 'canceled';
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly onComplete: string | null;
  readonly onCompleteJobId: string | null;
  readonly createdAt: string;
  readonly deadlineAt: string | null;
  readonly sealedAt: string | null;
  readonly canceledAt: string | null;
  readonly completedAt: string | null;
}

export interface BatchPage {
  readonly batches: readonly Batch[];
  readonly next: string | null;
}
