import { z } from 'zod';
import { expects } from './checked-by.js';

/** With a zone, so that it is one moment everywhere. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/i;

/** The years 1 to 9999 in UTC: before and after them PostgreSQL and ISO 8601 write times differently. */
export const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

const timeRule = expects('a time in ISO 8601 with a zone, as 2026-01-31T03:00:00Z');

/** A moment as a request tells it; `description` is for the document of the API. */
export function requestTime(description?: string) {
  return z
    .string(timeRule)
    .refine(isMoment, timeRule)
    .meta({ format: 'date-time', ...(description !== undefined && { description }) })
    .transform((text) => new Date(text));
}

function isMoment(text: string): boolean {
  const ms = ISO_TIME.test(text) ? Date.parse(text) : Number.NaN;
  return ms >= EARLIEST_MS && ms <= LATEST_MS;
}
