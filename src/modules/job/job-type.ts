import type { StandardSchemaV1 } from '@standard-schema/spec';
import { durationMs, parseDuration, type Duration } from '../../kernel/durations.js';
import type { FreshLane } from '../transport/index.js';
import { defaultRetryPolicy, type RetryPolicy } from './retry-policy.js';

/** What happens to a run that exceeds its timeout: tried again while attempts remain, ended failed, or ended canceled. */
export type OnTimeout = 'retry' | 'fail' | 'cancel';

/** How a job type refuses a second job for the same `objectId`. */
export type Dedupe =
  /** None within this time after the last one was enqueued. */
  | { readonly window: Duration }
  /** None while the last one is waiting or executing. */
  | { readonly until: 'finished' };

/** What the caller may say of one job; `prepare` sees it and may change it. */
export interface JobOptions {
  /** What the job is about, for dedupe and for finding it again; at most 512 characters. */
  readonly objectId?: string;
  readonly lane?: FreshLane;
  /** Longest run, from 1 ms to 24 days, or `none`; before the type's, the queue's and the global timeout. */
  readonly timeout?: Duration | 'none';
  /** Runs at most, the first included: 1…1,000. */
  readonly maxAttempts?: number;
  /** Not before this long from now; excludes `runAt`. */
  readonly delay?: Duration;
  /** Not before this time; excludes `delay`. */
  readonly runAt?: Date;
  /** The job this one repeats by hand. */
  readonly retryOf?: string;
  /** The open batch it becomes a member of, which takes an `objectId` once. */
  readonly batchId?: string;
}

/** What `prepare` answers: the payload and options to store in place of those given. */
export interface Prepared<Payload> {
  readonly payload?: Payload;
  readonly options?: JobOptions;
}

export interface JobTypeDefinition<Schema extends StandardSchemaV1> {
  /** Unique; 1…128 of letters, digits and `: _ . -`. */
  readonly name: string;
  /** `[a-z0-9_-]{1,64}`; several types may share one. Default: a queue of its own, the name with other characters turned into `-`. */
  readonly queue?: string;
  /** A Standard Schema (zod, valibot, arktype, …). What it outputs is stored, so it must output JSON. */
  readonly payload: Schema;
  /** Default lane of its jobs: `normal`. */
  readonly lane?: FreshLane;
  /** Longest run, from 1 ms to 24 days, or `none`. Default: the queue's, then the global one. */
  readonly timeout?: Duration | 'none';
  /** Runs at most, the first included: 1…1,000. Default 3. */
  readonly maxAttempts?: number;
  /** Pause before the next attempt. Default: exponential from 1 s, doubling, at most 5 min or `initial`, full jitter. */
  readonly backoff?: Partial<{ initial: Duration; factor: number; max: Duration; jitter: 'full' | 'none' }>;
  readonly dedupe?: Dedupe;
  /** Default `retry`. */
  readonly onTimeout?: OnTimeout;
  /** Pure; called before a job is stored, after its payload was validated. What it throws refuses the job. */
  prepare?(
    payload: StandardSchemaV1.InferOutput<Schema>,
    options: JobOptions,
  ): Prepared<StandardSchemaV1.InferOutput<Schema>> | undefined;
}

/** The resolved dedupe rule: a window in ms, or until the job has finished. */
export type DedupeRule =
  { readonly kind: 'window'; readonly windowMs: number } | { readonly kind: 'until-finished' };

/** A job type, checked and with its defaults filled in. Made by `defineJob`; importable without its handler. */
export interface JobType<Schema extends StandardSchemaV1 = StandardSchemaV1> {
  readonly name: string;
  readonly queue: string;
  readonly payload: Schema;
  readonly lane: FreshLane;
  /** In ms; null for none; absent when the queue's or the global timeout applies. */
  readonly timeoutMs?: number | null;
  readonly maxAttempts: number;
  readonly retryPolicy: RetryPolicy;
  readonly dedupe?: DedupeRule;
  readonly onTimeout: OnTimeout;
  prepare?(
    payload: StandardSchemaV1.InferOutput<Schema>,
    options: JobOptions,
  ): Prepared<StandardSchemaV1.InferOutput<Schema>> | undefined;
}

/** The payload as a caller may give it, before the schema's defaults and transforms. */
export type PayloadInput<Type extends JobType> = StandardSchemaV1.InferInput<Type['payload']>;
/** The payload as the handler receives it. */
export type Payload<Type extends JobType> = StandardSchemaV1.InferOutput<Type['payload']>;

const NAME = /^[A-Za-z0-9:_.-]{1,128}$/;
const QUEUE = /^[a-z0-9_-]{1,64}$/;
/** setTimeout counts in 32 bits: 2³¹−1 ms is 24.8 days. */
const LONGEST_TIMEOUT_MS = 24 * 86_400_000;
export const MOST_ATTEMPTS = 1_000;
const DEFAULT_MAX_ATTEMPTS = 3;

/** Checks a job type and fills in its defaults. Throws a TypeError that names the type, the value and the rule. */
export function defineJob<Schema extends StandardSchemaV1>(
  definition: JobTypeDefinition<Schema>,
): JobType<Schema> {
  const { name } = definition;
  if (!NAME.test(name)) throw invalid(name, 'name', name, 'use 1 to 128 of letters, digits and : _ . -');
  const queue = definition.queue ?? queueOfItsOwn(name);
  if (!QUEUE.test(queue)) throw invalid(name, 'queue', queue, 'use 1 to 64 of a-z, 0-9, _ and -');
  const maxAttempts = definition.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  if (!isAttempts(maxAttempts))
    throw invalid(name, 'maxAttempts', maxAttempts, `use a whole number from 1 to ${MOST_ATTEMPTS}`);
  const { timeout, dedupe } = definition;
  return Object.freeze({
    name,
    queue,
    payload: definition.payload,
    lane: definition.lane ?? 'normal',
    ...(timeout !== undefined && { timeoutMs: timeoutOf(name, timeout) }),
    maxAttempts,
    retryPolicy: retryPolicyOf(name, definition.backoff),
    ...(dedupe && { dedupe: dedupeOf(name, dedupe) }),
    onTimeout: definition.onTimeout ?? 'retry',
    ...(definition.prepare && {
      prepare: (payload: StandardSchemaV1.InferOutput<Schema>, options: JobOptions) =>
        definition.prepare?.(payload, options),
    }),
  });
}

/** True for a number of attempts a job may have: a whole number from 1 to 1,000. */
export function isAttempts(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MOST_ATTEMPTS;
}

/** True for a timeout that a timer can count, in ms: 1 ms to 24 days. */
export function isTimeoutMs(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 1 && ms <= LONGEST_TIMEOUT_MS;
}

/** A timeout as it is stored, in ms, 0 for none; undefined for what is no timeout. */
export function storedTimeoutMs(timeout: Duration): number | undefined {
  if (timeout === 'none') return 0;
  const ms = parseDuration(timeout);
  return ms !== undefined && isTimeoutMs(ms) ? ms : undefined;
}

/** The timeout that is stored so, in ms; null for none. */
export function fromStoredTimeoutMs(storedMs: number): number | null {
  return storedMs === 0 ? null : storedMs;
}

function queueOfItsOwn(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '-')
    .slice(0, 64);
}

function timeoutOf(name: string, timeout: Duration): number | null {
  if (timeout === 'none') return null;
  const ms = positiveMs(name, 'timeout', timeout);
  if (!isTimeoutMs(ms)) throw invalid(name, 'timeout', timeout, 'use 1ms to 24d, or "none"');
  return ms;
}

function retryPolicyOf(name: string, backoff: JobTypeDefinition<StandardSchemaV1>['backoff']): RetryPolicy {
  const factor = backoff?.factor ?? defaultRetryPolicy.factor;
  if (!(factor >= 1 && Number.isFinite(factor)))
    throw invalid(name, 'backoff.factor', factor, 'use a number of at least 1');
  const initialMs =
    backoff?.initial === undefined
      ? defaultRetryPolicy.initialMs
      : positiveMs(name, 'backoff.initial', backoff.initial);
  return {
    initialMs,
    factor,
    // A first pause longer than the default cap is meant, and not to be capped.
    maxMs:
      backoff?.max === undefined
        ? Math.max(defaultRetryPolicy.maxMs, initialMs)
        : positiveMs(name, 'backoff.max', backoff.max),
    jitter: backoff?.jitter ?? defaultRetryPolicy.jitter,
  };
}

function dedupeOf(name: string, dedupe: Dedupe): DedupeRule {
  if ('until' in dedupe) return { kind: 'until-finished' };
  return { kind: 'window', windowMs: positiveMs(name, 'dedupe.window', dedupe.window) };
}

function positiveMs(name: string, field: string, duration: Duration): number {
  const ms = durationMs(duration);
  if (ms <= 0) throw invalid(name, field, duration, 'use more than 0');
  return ms;
}

function invalid(name: string, field: string, value: unknown, rule: string): TypeError {
  return new TypeError(`job type ${JSON.stringify(name)}: ${field} is ${JSON.stringify(value)}; ${rule}`);
}
