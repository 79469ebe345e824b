import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';
import type { ErrorCode } from '../../../../kernel/errors.js';

/** The parts of the API, in the order people read them; each is a tag of the document. */
export const tags = {
  jobs: 'Enqueue jobs, look at them, cancel and retry them.',
  queues: 'Lines of jobs: how deep they are, and whether they run.',
  batches: 'Sets of jobs with one completion.',
  schedules: 'What enqueues a job again and again.',
  workers: 'The processes that run jobs.',
  status: 'The whole at a glance: totals, events, metrics.',
  access: 'Who one is, and the session of a browser.',
  health: 'For supervisors and load balancers.',
  document: 'This description.',
} as const;
export type Tag = keyof typeof tags;

/** One answer of a route that is no error. */
export interface AnswerDescription {
  readonly about: string;
  /** Of the JSON body; an answer without one has none. */
  readonly schema?: z.ZodType;
  /** A body as it is sent; the tests hold it against the schema. */
  readonly example?: unknown;
  /** The media type of a body that is no JSON. */
  readonly mediaType?: string;
  /** Headers with what they tell. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a schema takes and what one would send. */
export interface Described {
  readonly schema: z.ZodType;
  readonly example?: unknown;
}

/** What the document says of a route beyond what its decorators and pipes say already. */
export interface RouteDescription {
  readonly tag: Tag;
  /** A few words, as a heading. */
  readonly summary: string;
  /** Markdown. */
  readonly about?: string;
  /** By HTTP status; errors are named in `errors`. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Codes this route answers with beside those that its kind of route may: see `errorsOf`. */
  readonly errors?: readonly ErrorCode[];
  /** False for a route that is answered from memory, and so while the database is away. */
  readonly readsDatabase?: boolean;
  /** By name, for a path parameter that is not among the usual ones. */
  readonly params?: Readonly<Record<string, z.ZodType>>;
  /** By name; all optional. */
  readonly headers?: Readonly<Record<string, z.ZodType>>;
  /** What one would send as JSON. */
  readonly bodyExample?: unknown;
  /** By media type, for a body that no pipe checks. */
  readonly bodies?: Readonly<Record<string, Described>>;
}

const DESCRIPTION = 'rookery:description';

/** Describes a route in the OpenAPI document. Every route of a `RestController` has one: without it no document is made. */
export function Describes(description: RouteDescription): MethodDecorator {
  return SetMetadata(DESCRIPTION, description);
}

/** The description of a route's method. */
export function descriptionOf(handler: object): RouteDescription | undefined {
  return Reflect.getMetadata(DESCRIPTION, handler) as RouteDescription | undefined;
}
