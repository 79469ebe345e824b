import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from '../../kernel/clock.js';
import { parseDuration, type Duration } from '../../kernel/durations.js';
import { RookeryError, toError, type Issue } from '../../kernel/errors.js';
import { isUuid, type IdGenerator } from '../../kernel/ids.js';
import { encodeJson } from '../../kernel/json.js';
import { activeTraceparent } from '../../kernel/tracing.js';
import { freshLanes } from '../transport/index.js';
import {
  MOST_ATTEMPTS,
  isAttempts,
  storedTimeoutMs,
  type JobOptions,
  type JobType,
  type Prepared,
} from './job-type.js';
import type { JobKey, NewJob } from './new-job.js';
import { copiedSecrets } from './secret-fields.js';

/** Largest payload and largest result, in bytes of JSON. */
export const MAX_JSON_BYTES = 1_048_576;
/** Largest request for one job, in bytes: a payload of the largest size, and what is said besides. */
export const LARGEST_JOB_BODY = MAX_JSON_BYTES + 16 * 1024;
/** Faults of a payload that are told; a million wrong elements of a list are one mistake. */
const MOST_ISSUES = 100;
const LONGEST_OBJECT_ID = 512;
const LONGEST_IDEMPOTENCY_KEY = 255;
/** How long an `Idempotency-Key` is remembered. */
const IDEMPOTENCY_MS = 24 * 3_600_000;
/** How long a batch remembers the objectId of a member: longer than it may stay open. */
const MEMBER_MS = 8 * 24 * 3_600_000;
/** The farthest a job may be put off: ten years, so that a slip of units is caught. */
const FARTHEST_MS = 3_650 * 86_400_000;

/** Of many jobs, how many are prepared before the event loop gets its turn: some milliseconds' worth. */
const PREPARED_AT_ONCE = 500;

/** Of several jobs that are prepared together, how many faults of each are told. */
export const MOST_ISSUES_AN_ITEM = 10;

/** Of their faults, how many are repeated in the message; all of those are in `issues`. */
const MOST_IN_MESSAGE = 20;

/** A fault of one of several jobs. */
interface ItemIssue extends Issue {
  readonly code: string;
}

/** What one enqueue asks for. */
export interface JobRequest {
  readonly type: JobType;
  readonly payload: unknown;
  readonly options: JobOptions;
  readonly idempotencyKey?: string;
}

/** Turns requests into jobs that are ready to be stored; reads nothing but the clock and the trace it is called in. */
export class JobPreparer {
  constructor(
    private readonly ids: IdGenerator,
    private readonly clock: Clock,
  ) {}

  /**
   * Validates the payload, applies the type's `prepare` and fills in its defaults. Throws `invalid_payload` with the
   * failing paths, at most 100 and how many more there are, `invalid_request` for a bad option, `payload_too_large`.
   */
  async prepare(request: JobRequest): Promise<NewJob> {
    const { type } = request;
    let payload = await checked(type, request.payload);
    let options = request.options;
    const prepared = preparedBy(type, payload, options);
    if (prepared) {
      payload = prepared.payload ?? payload;
      options = prepared.options ?? options;
    }
    return this.build(type, encodedPayload(type, payload), options, request.idempotencyKey);
  }

  /** Prepares every request. Throws `invalid_payload` that tells of all that are bad together, at most ten faults of each, each path under its place. */
  async prepareMany(requests: readonly JobRequest[]): Promise<NewJob[]> {
    const jobs: NewJob[] = [];
    const issues: ItemIssue[] = [];
    for (const [index, request] of requests.entries()) {
      if (index % PREPARED_AT_ONCE === PREPARED_AT_ONCE - 1)
        await new Promise((resolve) => setImmediate(resolve));
      try {
        jobs.push(await this.prepare(request));
      } catch (error) {
        if (!(error instanceof RookeryError)) throw error;
        issues.push(...issuesOf(error, index).slice(0, MOST_ISSUES_AN_ITEM));
      }
    }
    if (issues.length === 0) return jobs;
    const told = listed(issues.slice(0, MOST_IN_MESSAGE));
    throw new RookeryError('invalid_payload', `${issues.length} problem(s), nothing was stored: ${told}`, {
      issues,
    });
  }

  private build(
    type: JobType,
    payload: string,
    options: JobOptions,
    idempotencyKey: string | undefined,
  ): NewJob {
    const issues: Issue[] = [];
    const timeoutMs = timeoutOf(options.timeout, issues);
    const dueAt = this.dueAtOf(options, issues);
    const { objectId, lane = type.lane, maxAttempts = type.maxAttempts, retryOf, batchId } = options;
    if (!freshLanes.includes(lane))
      issues.push({ path: 'lane', message: `is ${show(lane)}; use one of ${freshLanes.join(', ')}` });
    if (!isAttempts(maxAttempts)) {
      issues.push({
        path: 'maxAttempts',
        message: `is ${show(maxAttempts)}; use a whole number from 1 to ${MOST_ATTEMPTS}`,
      });
    }
    if (objectId !== undefined) checkText('objectId', objectId, LONGEST_OBJECT_ID, issues);
    if (idempotencyKey !== undefined)
      checkText('Idempotency-Key', idempotencyKey, LONGEST_IDEMPOTENCY_KEY, issues);
    if (retryOf !== undefined && !isUuid(retryOf))
      issues.push({ path: 'retryOf', message: `is ${show(retryOf)}; use the id of a job` });
    if (batchId !== undefined && !isUuid(batchId))
      issues.push({ path: 'batchId', message: `is ${show(batchId)}; use the id of a batch` });
    if (issues.length > 0) throw invalidRequest(issues);
    const dedupeKey = dedupeKeyOf(type, objectId);
    const trace = activeTraceparent();
    return {
      id: this.ids.next(),
      queue: type.queue,
      name: type.name,
      lane,
      payload,
      maxAttempts,
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(objectId !== undefined && { objectId }),
      ...(retryOf !== undefined && { retryOf }),
      ...(batchId !== undefined && { batchId: batchId.toLowerCase() }),
      ...(batchId !== undefined &&
        objectId !== undefined && {
          memberKey: { key: `batch:${batchId.toLowerCase()}:${type.name}:${objectId}`, heldMs: MEMBER_MS },
        }),
      ...(trace !== undefined && { trace }),
      ...(dueAt && { dueAt }),
      ...(dedupeKey && { dedupeKey }),
      ...(idempotencyKey !== undefined && {
        idempotencyKey: { key: `idempotency:${idempotencyKey}`, heldMs: IDEMPOTENCY_MS },
      }),
    };
  }

  /** The time before which the job must not run; none when it may run at once. */
  private dueAtOf({ delay, runAt }: JobOptions, issues: Issue[]): Date | undefined {
    const now = this.clock.now();
    if (delay !== undefined && runAt !== undefined) {
      issues.push({ path: 'runAt', message: 'excludes delay; give one of them' });
      return undefined;
    }
    const delayMs = delay === undefined ? undefined : parseDuration(delay);
    if (delay !== undefined && delayMs === undefined) {
      issues.push({
        path: 'delay',
        message: `is ${show(delay)}; use milliseconds of at least 0, or a number and a unit such as "30s"`,
      });
    }
    const dueMs = runAt ? runAt.getTime() : now + (delayMs ?? 0);
    if (Number.isNaN(dueMs))
      issues.push({ path: 'runAt', message: 'is no time; use ISO 8601, as 2026-01-31T03:00:00Z' });
    if (dueMs > now + FARTHEST_MS) {
      issues.push({
        path: runAt ? 'runAt' : 'delay',
        message: 'is more than ten years away; check its unit',
      });
      return undefined;
    }
    return dueMs > now ? new Date(dueMs) : undefined;
  }
}

/** The payload as its schema makes it. What is nested so deeply that looking through it overflows the stack is refused like any other fault. */
async function checked(type: JobType, payload: unknown): Promise<unknown> {
  try {
    refuseCopiedSecrets(type, payload);
    return await validated(type, payload);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalidPayload(type, [{ path: 'payload', message: `cannot be checked: ${error.message}` }], error);
  }
}

async function validated(type: JobType, payload: unknown): Promise<unknown> {
  const answer = type.payload['~standard'].validate(payload);
  const result = answer instanceof Promise ? await answer : answer;
  if (!result.issues) return result.value;
  const issues = result.issues.map((issue) => ({ path: pathOf(issue), message: issue.message }));
  throw invalidPayload(type, issues);
}

/** What the type's own code makes of them; an error of it refuses the job, and not the server. */
function preparedBy(type: JobType, payload: unknown, options: JobOptions): Prepared<unknown> | undefined {
  try {
    return type.prepare?.(payload, options);
  } catch (thrown) {
    if (thrown instanceof RookeryError) throw thrown;
    const error = toError(thrown);
    const message = `is refused by the type's prepare: ${error.message}`;
    throw invalidPayload(type, [{ path: 'payload', message }], error);
  }
}

function refuseCopiedSecrets(type: JobType, payload: unknown): void {
  const issues = copiedSecrets(type, payload);
  if (issues.length > 0) throw invalidPayload(type, issues);
}

function invalidPayload(type: JobType, issues: readonly Issue[], cause?: Error): RookeryError {
  const told = issues.slice(0, MOST_ISSUES);
  const more = issues.length - told.length;
  return new RookeryError(
    'invalid_payload',
    `the payload of ${type.name} is invalid: ${listed(told)}${more > 0 ? `; and ${more} more` : ''}`,
    { issues: told },
    { cause },
  );
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  const keys = (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return ['payload', ...keys.map(String)].join('.');
}

function encodedPayload(type: JobType, payload: unknown): string {
  const encoded = encodeJson(payload, MAX_JSON_BYTES);
  switch (encoded.kind) {
    case 'encoded':
      return encoded.text;
    case 'unstorable': {
      const issues = [{ path: 'payload', message: encoded.reason }];
      throw new RookeryError(
        'invalid_payload',
        `the payload of ${type.name} cannot be stored: ${encoded.reason}`,
        { issues },
      );
    }
    case 'too-large':
      throw new RookeryError(
        'payload_too_large',
        `the payload of ${type.name} is ${encoded.bytes} bytes of JSON, more than ${MAX_JSON_BYTES}; store it elsewhere and pass a reference`,
        { bytes: encoded.bytes, maxBytes: MAX_JSON_BYTES },
      );
  }
}

function timeoutOf(timeout: Duration | undefined, issues: Issue[]): number | undefined {
  if (timeout === undefined) return undefined;
  const ms = storedTimeoutMs(timeout);
  if (ms === undefined) {
    issues.push({
      path: 'timeout',
      message: `is ${show(timeout)}; use 1 ms to 24 days, as 500 or "30s", or "none"`,
    });
  }
  return ms;
}

function checkText(path: string, text: string, longest: number, issues: Issue[]): void {
  if (text.length < 1 || text.length > longest) {
    issues.push({ path, message: `has ${text.length} characters; use 1 to ${longest}` });
  } else if (text.includes('\u0000') || !isWellFormed(text)) {
    issues.push({ path, message: 'contains the character U+0000 or half a surrogate pair; remove it' });
  }
}

function isWellFormed(text: string): boolean {
  return !/[\ud800-\udfff]/u.test(text);
}

/** Jobs without an objectId are about nothing in particular and are never duplicates. */
function dedupeKeyOf(type: JobType, objectId: string | undefined): JobKey | undefined {
  if (!type.dedupe || objectId === undefined) return undefined;
  return {
    key: dedupeKey(type.name, objectId),
    heldMs: type.dedupe.kind === 'window' ? type.dedupe.windowMs : null,
  };
}

/** The key that one live job of a type may hold for an objectId. */
export function dedupeKey(name: string, objectId: string): string {
  return `dedupe:${name}:${objectId}`;
}

/** An `invalid_request` that lists every bad field. */
export function invalidRequest(issues: readonly Issue[]): RookeryError {
  return new RookeryError('invalid_request', `the request is invalid: ${listed(issues)}`, { issues });
}

function issuesOf(error: RookeryError, index: number): ItemIssue[] {
  const { issues } = error.details as { issues?: readonly Issue[] };
  const { code } = error;
  if (!issues) return [{ path: `[${index}]`, message: error.message, code }];
  return issues.map((issue) => ({ path: `[${index}].${issue.path}`, message: issue.message, code }));
}

function listed(issues: readonly Issue[]): string {
  return issues.map((issue) => `${issue.path} ${issue.message}`).join('; ');
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
