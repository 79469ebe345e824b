import type { Query } from './query.js';

/** What an operator has set for a queue, in place of what each process was configured with; what is absent was not set. */
export interface StoredQueueSettings {
  /** Fresh jobs that one process runs at a time. */
  readonly concurrency?: number;
  /** Retried jobs that one process runs at a time, beside the fresh ones. */
  readonly retryConcurrency?: number;
  /** Longest a run may take, in ms, unless its job or its type says; 0 for none. */
  readonly timeoutMs?: number;
}

/** A change of what is set: a value sets, null leaves it to each process again, what is absent stays. */
export type QueueSettingsChange = { readonly [Name in keyof StoredQueueSettings]?: number | null };

/** A queue's row: whether it is paused, what was set for it, and how far the auditor has passed. */
export interface QueueState {
  readonly name: string;
  readonly pausedAt: Date | null;
  readonly settings: StoredQueueSettings;
  /** Every open job of the queue with an id up to this one has due_at. */
  readonly watermark: string;
}

const COLUMNS = `name, paused_at AS "pausedAt", settings, watermark`;

/** Makes the rows of queues that have none yet; others are left as they are. */
const ADD_QUEUES = {
  name: 'add_queues',
  text: `INSERT INTO queue (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO NOTHING`,
};

const QUEUES = { name: 'queues', text: `SELECT ${COLUMNS} FROM queue ORDER BY name` };
const QUEUES_NAMED = {
  name: 'queues_named',
  text: `SELECT ${COLUMNS} FROM queue WHERE name = ANY ($1::text[]) ORDER BY name`,
};

/** Pauses or resumes; a queue that is paused keeps the time of its first pause. Returns no row when there is no such queue. */
const SET_PAUSED = {
  name: 'set_paused',
  text: `UPDATE queue SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END WHERE name = $1 RETURNING ${COLUMNS}`,
};

/** Adds to what is set for a queue; a null takes its setting away. Returns no row when there is no such queue. */
const CHANGE_SETTINGS = {
  name: 'change_queue_settings',
  text: `UPDATE queue SET settings = jsonb_strip_nulls(settings || $2::jsonb) WHERE name = $1 RETURNING ${COLUMNS}`,
};

/** Makes sure that each of these queues has a row. */
export async function addQueues(query: Query, names: readonly string[]): Promise<void> {
  if (names.length > 0) await query(ADD_QUEUES, [`{${names.join(',')}}`]);
}

/** Every queue, by name. */
export function allQueues(query: Query): Promise<QueueState[]> {
  return query<QueueState>(QUEUES, []);
}

/** Those of these queues that exist, by name. */
export function queuesNamed(query: Query, names: readonly string[]): Promise<QueueState[]> {
  return query<QueueState>(QUEUES_NAMED, [`{${names.join(',')}}`]);
}

/** Pauses or resumes a queue; undefined when there is none of that name. */
export async function setPaused(
  query: Query,
  name: string,
  isPaused: boolean,
): Promise<QueueState | undefined> {
  const [queue] = await query<QueueState>(SET_PAUSED, [name, isPaused]);
  return queue;
}

/** Changes what is set for a queue; undefined when there is none of that name. */
export async function changeQueueSettings(
  query: Query,
  name: string,
  change: QueueSettingsChange,
): Promise<QueueState | undefined> {
  const [queue] = await query<QueueState>(CHANGE_SETTINGS, [name, JSON.stringify(change)]);
  return queue;
}
