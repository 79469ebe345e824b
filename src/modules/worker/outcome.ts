import { RookeryError, toError } from '../../kernel/errors.js';
import { encodeJson } from '../../kernel/json.js';
import {
  MAX_JSON_BYTES,
  backoffMs,
  settlementOf,
  type HistoryEntry,
  type OnTimeout,
  type OtherRun,
  type RunOutcome,
  type RunResult,
  type StoredError,
} from '../job/index.js';
import type { Run } from './run.js';
import { storableText } from './storable-text.js';

/** What of an error is kept, in bytes: 4 KiB in all with its keys, most of it for the stack. */
const MOST_CODE_BYTES = 100;
const MOST_MESSAGE_BYTES = 1_000;
const MOST_STACK_BYTES = 2_800;

/** How a run ended that did not succeed. */
export interface Ending {
  readonly outcome: Exclude<RunOutcome, 'succeeded'>;
  readonly error?: Error;
  /** No further attempt may mend it. */
  readonly isFinal?: boolean;
  /** The job is done although its last run failed: the handler's `onError` said so. */
  readonly isDone?: boolean;
  /** How long the job waits before the next run, in ms; default: the type's backoff after what is charged, none otherwise. */
  readonly delayMs?: number;
}

/** The result of a run whose handler returned `value`, or why it cannot be stored. */
export function succeeded(run: Run, value: unknown, now: Date): RunResult {
  const encoded = encodeJson(value, MAX_JSON_BYTES);
  const { id, run: number } = run.job;
  const isMember = run.job.batchId !== null;
  switch (encoded.kind) {
    case 'encoded':
      return { kind: 'succeeded', id, run: number, isMember, result: encoded.text, children: run.children };
    case 'unstorable':
      return ended(run, { outcome: 'failed', error: unstorableResult(encoded.reason), isFinal: true }, now);
    case 'too-large': {
      const reason = `it is ${encoded.bytes} bytes of JSON, more than ${MAX_JSON_BYTES}; store it elsewhere and return a reference`;
      return ended(run, { outcome: 'failed', error: unstorableResult(reason), isFinal: true }, now);
    }
  }
}

/** The result of a run that ended any other way. */
export function ended(run: Run, ending: Ending, now: Date, random: () => number = Math.random): OtherRun {
  const { job, type } = run;
  const { outcome, error, isFinal = false } = ending;
  const settlement = settlementOf({ outcome, attempt: job.attempt, maxAttempts: job.maxAttempts, isFinal });
  const delayMs =
    ending.delayMs ?? (settlement.isRefunded ? 0 : backoffMs(type.retryPolicy, job.attempt, random));
  const entry: HistoryEntry = {
    run: job.run,
    attempt: job.attempt,
    outcome,
    worker: run.workerId,
    startedAt: job.startedAt.toISOString(),
    endedAt: now.toISOString(),
    ...(error && { error: storedError(error) }),
  };
  const { id, run: number } = job;
  const isMember = job.batchId !== null;
  const status = ending.isDone ? 'done' : settlement.status;
  return {
    kind: 'other',
    id,
    run: number,
    isMember,
    status,
    delayMs,
    isRefunded: settlement.isRefunded,
    entry,
  };
}

/** How a run ends that its timeout aborted, as its type wants it. */
export function timedOut(onTimeout: OnTimeout, error: Error): Ending {
  switch (onTimeout) {
    case 'retry':
      return { outcome: 'failed', error };
    case 'fail':
      return { outcome: 'failed', error, isFinal: true };
    case 'cancel':
      return { outcome: 'canceled', error };
  }
}

function unstorableResult(reason: string): RookeryError {
  return new RookeryError('unstorable_result', `the handler's result cannot be stored: ${reason}`);
}

/** What history keeps of an error: bounded, and free of what PostgreSQL cannot store. An error that throws when it is read is told as such. */
export function storedError(thrown: unknown): StoredError {
  try {
    const error = toError(thrown);
    const code =
      'code' in error && typeof error.code === 'string'
        ? storableText(error.code, MOST_CODE_BYTES)
        : undefined;
    return {
      ...(code !== undefined && { code }),
      message: storableText(String(error.message), MOST_MESSAGE_BYTES),
      ...(typeof error.stack === 'string' && { stack: storableText(error.stack, MOST_STACK_BYTES) }),
    };
  } catch {
    return { message: 'the error cannot be read: its own code throws' };
  }
}
