/** What the REST API answers, as far as the command line reads it. */
export interface JobAnswer {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly lane: string;
  readonly status: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly run: number;
  readonly payload: unknown;
  readonly result: unknown;
  readonly history: readonly HistoryAnswer[];
  readonly progress: { readonly fraction: number; readonly note?: string } | null;
  readonly objectId: string | null;
  readonly batchId: string | null;
  readonly retryOf: string | null;
  readonly workerId: string | null;
  /** The job's own; 0 for none, null when its type's or its queue's applies. */
  readonly timeoutMs: number | null;
  readonly createdAt: string;
  readonly dueAt: string | null;
  readonly startedAt: string | null;
  readonly cancelRequestedAt: string | null;
  readonly finishedAt: string | null;
}

export interface HistoryAnswer {
  readonly run: number;
  readonly attempt: number;
  readonly outcome: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly error?: { readonly message: string };
}

export interface JobListAnswer {
  readonly jobs: readonly JobAnswer[];
  readonly next: string | null;
  /** Where a filter that no index serves stopped reading; `next` goes on from there. */
  readonly scannedTo?: string;
}

export interface LogAnswer {
  readonly lines: readonly LogLineAnswer[];
}

export interface LogLineAnswer {
  readonly run: number;
  readonly at: string;
  readonly message: string;
}

export interface BulkChangeAnswer {
  readonly matched: number;
  readonly changed: number;
  /** True when the request ended before all jobs were looked at; `next` is then where to go on. */
  readonly more: boolean;
  readonly next: string | null;
}

export interface BatchAnswer {
  readonly id: string;
  readonly key: string | null;
  readonly name: string;
  readonly status: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly onComplete: string | null;
  readonly onCompleteJobId: string | null;
  readonly createdAt: string;
  readonly deadlineAt: string | null;
  readonly sealedAt: string | null;
  readonly completedAt: string | null;
}

export interface BatchListAnswer {
  readonly batches: readonly BatchAnswer[];
  readonly next: string | null;
}

export interface ScheduleAnswer {
  readonly name: string;
  readonly source: string;
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
  readonly job: string;
  readonly payload: unknown;
  readonly catchUp: unknown;
  readonly paused: boolean;
  readonly orphaned: boolean;
  readonly lastFireAt: string | null;
  readonly nextFireAt: string | null;
  readonly error: string | null;
  /** Of one schedule: its last fires, newest first. */
  readonly fires?: readonly { readonly fireAt: string; readonly jobId: string; readonly manual: boolean }[];
}

export interface PreviewAnswer {
  readonly fires: readonly { readonly fireAt: string; readonly local: string; readonly note?: string }[];
}

export interface QueueAnswer {
  readonly name: string;
  readonly paused: boolean;
  readonly waiting: number;
  readonly executing: number;
  readonly oldestWaitingMs: number | null;
  readonly perMinute: { readonly enqueued: number; readonly done: number; readonly failed: number };
  readonly settings: QueueSettingsAnswer;
}

/** What was set for a queue by hand; null where each process goes by its own configuration. */
export interface QueueSettingsAnswer {
  readonly concurrency: number | null;
  readonly retryConcurrency: number | null;
  /** 0 for none. */
  readonly timeoutMs: number | null;
}

export interface WorkerAnswer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly entry: string;
  readonly queues: readonly string[];
  readonly slots: number;
  readonly busy: number;
  readonly stuck: number;
  readonly draining: boolean;
  readonly seenAt: string;
  readonly slotsByQueue: Readonly<Record<string, SlotsAnswer>>;
}

/** A worker's slots for one queue; busy ones include those with a stuck handler. */
export interface SlotsAnswer {
  readonly busy: number;
  readonly concurrency: number;
  /** Of jobs that run again. */
  readonly retryBusy: number;
  readonly retryConcurrency: number;
}

export interface AttentionAnswer {
  readonly code: string;
  readonly queue: string | null;
  readonly severity: 'critical' | 'warning';
  readonly title: string;
  readonly detail: string;
}

export interface DiagnosisAnswer {
  readonly version: string;
  readonly node: string;
  readonly at: string;
  readonly clockOffsetMs: number;
  readonly database: {
    readonly version: string;
    readonly embedded: boolean;
    readonly pendingMigrations: readonly string[];
    readonly unknownMigrations: readonly string[];
  };
  readonly parts: Readonly<
    Record<string, { readonly isLive: boolean; readonly isReady: boolean; readonly detail: string }>
  >;
}

export interface TotalsAnswer {
  readonly processed: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly waiting: number;
  readonly executing: number;
}
