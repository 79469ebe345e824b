import { Readable } from 'node:stream';
import { RookeryError } from '../../../kernel/errors.js';
import { LARGEST_JOB_BODY, invalidRequest } from '../job-preparer.js';
import { parseJson } from '../parse-json.js';
import { linesOf } from './ndjson-lines.js';

/** Most jobs and most bytes one bulk enqueue takes. */
export const MOST_BULK_JOBS = 10_000;
export const LARGEST_BULK_BODY = 64 * 1024 * 1024;

/** Lines parsed between two turns of the event loop: heartbeats and other requests go on meanwhile. */
const LINES_A_TURN = 500;

/** One entry of a bulk body: a value, or why its line holds none. */
export interface BulkEntry {
  /** The line's number from 1, where the body had lines. */
  readonly line?: number;
  readonly value?: unknown;
  readonly problem?: string;
}

/** The entries of a JSON array. Throws `invalid_request` for anything else. */
export function entriesOfArray(body: unknown): BulkEntry[] {
  if (!Array.isArray(body)) {
    throw invalidRequest([
      {
        path: 'body',
        message: 'is no array; send a JSON array of jobs, or application/x-ndjson with one job a line',
      },
    ]);
  }
  assertNotTooMany(body.length);
  return body.map((value: unknown) => ({ value }));
}

/** The entries of a body with one JSON value a line. */
export async function entriesOfLines(body: unknown): Promise<BulkEntry[]> {
  if (!(body instanceof Readable))
    throw new RookeryError('invalid_request', 'the body was read by another part of the application');
  const entries: BulkEntry[] = [];
  for await (const { number, text } of linesOf(body, { body: LARGEST_BULK_BODY, line: LARGEST_JOB_BODY })) {
    entries.push({ line: number, ...parsed(text) });
    assertNotTooMany(entries.length);
    if (entries.length % LINES_A_TURN === 0) await new Promise(setImmediate);
  }
  return entries;
}

function assertNotTooMany(count: number): void {
  if (count <= MOST_BULK_JOBS) return;
  throw invalidRequest([
    { path: 'body', message: `holds more than ${MOST_BULK_JOBS} jobs; send them in several requests` },
  ]);
}

function parsed(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: parseJson(text) };
  } catch (error) {
    return { problem: `is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
