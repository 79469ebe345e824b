import { createHash } from 'node:crypto';
import { RookeryError } from '../../../kernel/errors.js';
import { isUuid } from '../../../kernel/ids.js';
import type { JobPlace } from '../repository/walk-step.js';
import { EARLIEST_MS } from './request-time.js';

/** A place in a list, with the part of the list it is in where that has several. */
export interface CursorPlace extends JobPlace {
  readonly part?: string;
}

/** What PostgreSQL writes of a time in UTC. */
const TIME = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(\.\d{1,6})?\+00$/;
const HASH_BYTES = 9;

/** The place as callers carry it: opaque, and bound to what was listed, so that it cannot silently skip jobs of another list. */
export function writeCursor(list: unknown, { id, at, part }: CursorPlace): string {
  return Buffer.from(JSON.stringify([hashOf(list), id, at ?? '', part ?? ''])).toString('base64url');
}

/** The place a cursor holds. Throws `invalid_cursor` when it is broken or of another list. */
export function readCursor(list: unknown, cursor: string): CursorPlace {
  const [hash, id, at, part] = parts(cursor);
  if (
    hash === undefined ||
    id === undefined ||
    at === undefined ||
    part === undefined ||
    !isUuid(id) ||
    !(at === '' || isTime(at))
  ) {
    throw new RookeryError(
      'invalid_cursor',
      'the cursor is broken; send the next of an earlier answer as it was, or none to begin anew',
    );
  }
  if (hash !== hashOf(list)) {
    throw new RookeryError(
      'invalid_cursor',
      'the cursor belongs to another filter; send the filter it was answered to, or no cursor to begin anew',
    );
  }
  return { id, ...(at !== '' && { at }), ...(part !== '' && { part }) };
}

function parts(cursor: string): (string | undefined)[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(values) && values.length === 4
      ? values.map((value) => (typeof value === 'string' ? value : undefined))
      : [];
  } catch {
    return [];
  }
}

function isTime(text: string): boolean {
  const [, date, time] = TIME.exec(text) ?? [];
  return Date.parse(`${date}T${time}Z`) >= EARLIEST_MS;
}

function hashOf(list: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(list))
    .digest()
    .subarray(0, HASH_BYTES)
    .toString('base64url');
}
