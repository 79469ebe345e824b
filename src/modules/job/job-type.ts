import type { StandardSchemaV1 } from '@standard-schema/spec';
import { parseDuration, type Duration } from '../../kernel/durations.js';
import { freshLanes, type FreshLane } from '../transport/index.js';
import { DefinitionCheck } from './definition-check.js';
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
  /** Pure; called before a job is stored, after its payload was validated. What it throws refuses the job, as `invalid_payload`. */
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

const FIELDS = [
  'name',
  'queue',
  'payload',
  'lane',
  'timeout',
  'maxAttempts',
  'backoff',
  'dedupe',
  'onTimeout',
  'prepare',
] as const satisfies readonly (keyof JobTypeDefinition<StandardSchemaV1>)[];

/**
 * Checks a job type and fills in its defaults. Throws `invalid_config` that names the type and, of everything that is wrong, the field, the
 * value and the rule.
 */
export function defineJob<Schema extends StandardSchemaV1>(
  definition: JobTypeDefinition<Schema>,
): JobType<Schema> {
  const check = new DefinitionCheck();
  check.slips(definition, FIELDS);
  const { name, payload, timeout, maxAttempts = DEFAULT_MAX_ATTEMPTS, dedupe } = definition;
  check.that(isText(name, NAME), 'name', name, 'use 1 to 128 of letters, digits and : _ . -');
  const { queue = isText(name, NAME) ? queueOfItsOwn(name) : '' } = definition;
  check.that(
    isText(queue, QUEUE) || definition.queue === undefined,
    'queue',
    queue,
    'use 1 to 64 of a-z, 0-9, _ and -',
  );
  check.that(isSchema(payload), 'payload', payload, 'use a Standard Schema, as z.object({ … })');
  check.that(
    isAttempts(maxAttempts),
    'maxAttempts',
    maxAttempts,
    `use a whole number from 1 to ${MOST_ATTEMPTS}`,
  );
  const prepareKind = typeof definition.prepare;
  check.that(['function', 'undefined'].includes(prepareKind), 'prepare', prepareKind, 'use a function');
  const type: JobType<Schema> = {
    name,
    queue,
    payload,
    lane: check.oneOf('lane', definition.lane ?? 'normal', freshLanes),
    ...(timeout !== undefined && { timeoutMs: timeoutOf(timeout, check) }),
    maxAttempts,
    retryPolicy: retryPolicyOf(definition.backoff ?? {}, check),
    ...(dedupe !== undefined && { dedupe: dedupeOf(dedupe, check) }),
    onTimeout: check.oneOf('onTimeout', definition.onTimeout ?? 'retry', ['retry', 'fail', 'cancel']),
    ...(definition.prepare && {
      prepare: (given: StandardSchemaV1.InferOutput<Schema>, options: JobOptions) =>
        definition.prepare?.(given, options),
    }),
  };
  check.done('job type', name);
  return Object.freeze(type);
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

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value);
}

/** A schema may be a function, as those of arktype are. */
function isSchema(value: unknown): boolean {
  const isAny = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isAny) return false;
  const standard = (value as Partial<StandardSchemaV1>)['~standard'];
  return typeof standard?.validate === 'function';
}

function timeoutOf(timeout: Duration, check: DefinitionCheck): number | null {
  if (timeout === 'none') return null;
  const ms = check.ms('timeout', timeout);
  check.that(ms <= LONGEST_TIMEOUT_MS, 'timeout', timeout, 'use 1ms to 24d, or "none"');
  return ms;
}

type Backoff = NonNullable<JobTypeDefinition<StandardSchemaV1>['backoff']>;

function retryPolicyOf(given: Backoff, check: DefinitionCheck): RetryPolicy {
  const isGroup = check.group('backoff', given, ['initial', 'factor', 'max', 'jitter']);
  const { factor = defaultRetryPolicy.factor, initial, max, jitter } = isGroup ? given : {};
  check.that(factor >= 1 && Number.isFinite(factor), 'backoff.factor', factor, 'use a number of at least 1');
  const initialMs =
    initial === undefined ? defaultRetryPolicy.initialMs : check.ms('backoff.initial', initial);
  return {
    initialMs,
    factor,
    // A first pause longer than the default cap is meant, and not to be capped.
    maxMs: max === undefined ? Math.max(defaultRetryPolicy.maxMs, initialMs) : check.ms('backoff.max', max),
    jitter: check.oneOf('backoff.jitter', jitter ?? defaultRetryPolicy.jitter, ['full', 'none']),
  };
}

function dedupeOf(given: Dedupe, check: DefinitionCheck): DedupeRule {
  const untilFinished = { kind: 'until-finished' } as const;
  if (!check.group('dedupe', given, ['window', 'until'])) return untilFinished;
  const { window, until } = given as { readonly window?: Duration; readonly until?: 'finished' };
  if (until === undefined) return { kind: 'window', windowMs: check.ms('dedupe.window', window) };
  check.oneOf('dedupe.until', until, ['finished']);
  check.that(window === undefined, 'dedupe.window', window, 'leave it out beside until');
  return untilFinished;
}
