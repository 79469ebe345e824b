import { Injectable, type PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { suggestion } from '../../../config/index.js';
import type { Issue } from '../../../kernel/errors.js';
import { invalidRequest } from '../job-preparer.js';

/** Longest value a message repeats. */
const LONGEST_SHOWN = 80;
/** Unknown fields named in one answer; more say nothing new. */
const MOST_UNKNOWN = 20;

/** A pipe that hands on what the schema makes of a value, or throws `invalid_request` with every bad field. */
@Injectable()
export class CheckedBy<Schema extends z.ZodType> implements PipeTransform<unknown, z.output<Schema>> {
  /** @param schema what the value must be; the OpenAPI document shows it, too */
  constructor(readonly schema: Schema) {}

  transform(value: unknown): z.output<Schema> {
    const reading = readBy(this.schema, value);
    if ('issues' in reading) throw invalidRequest(reading.issues);
    return reading.value;
  }
}

/** What the schema makes of a value, or every bad field. */
export function readBy<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { readonly value: z.output<Schema> } | { readonly issues: readonly Issue[] } {
  const reading = schema.safeParse(value);
  if (reading.success) return { value: reading.data };
  const known = fieldsOf(schema);
  return { issues: reading.error.issues.flatMap((issue) => issuesOf(issue, known)) };
}

/** The messages of a field: missing, or wrong with what to write. */
export function expects(rule: string): { error: (issue: { readonly input?: unknown }) => string } {
  return {
    error: ({ input }) =>
      input === undefined ? `is missing; use ${rule}` : `is ${show(input)}; use ${rule}`,
  };
}

function issuesOf(issue: z.core.$ZodIssue, known: readonly string[]): Issue[] {
  const path = issue.path.map(String).join('.');
  if (issue.code !== 'unrecognized_keys') return [{ path: path || 'body', message: issue.message }];
  return issue.keys.slice(0, MOST_UNKNOWN).map((key) => {
    const meant = key.length <= LONGEST_SHOWN ? suggestion(key, known) : undefined;
    const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
    return {
      path: [...issue.path.map(String), key.slice(0, LONGEST_SHOWN)].join('.'),
      message: `is unknown; ${hint}`,
    };
  });
}

/** The fields of an object's schema, also of one that is transformed afterwards. */
function fieldsOf(schema: z.ZodType): readonly string[] {
  const inner = (schema as { readonly in?: z.ZodType }).in ?? schema;
  return Object.keys((inner as { readonly shape?: object }).shape ?? {});
}

function show(value: unknown): string {
  const text = textOf(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN - 1)}…` : text;
}

/** JSON can be read however deeply it is nested, but not written again. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'nested too deeply';
  }
}
