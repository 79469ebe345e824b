import type { StoredQueueSettings } from './repository/queue.repository.js';

/** What was set for a queue, as the API shows it; null where each process goes by its own configuration. */
export interface QueueSettingsView {
  readonly concurrency: number | null;
  readonly retryConcurrency: number | null;
  /** 0 for none. */
  readonly timeoutMs: number | null;
}

export function queueSettingsView(settings: StoredQueueSettings): QueueSettingsView {
  const { concurrency = null, retryConcurrency = null, timeoutMs = null } = settings;
  return { concurrency, retryConcurrency, timeoutMs };
}
