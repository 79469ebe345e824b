import { types } from 'pg';

/** PostgreSQL's numbers of the types int8 and timestamptz. */
const INT8 = 20;
const TIMESTAMPTZ = 1184;

const ordinaryTime = types.getTypeParser(TIMESTAMPTZ, 'text') as (text: string) => Date;

/**
 * A time as our sessions get it: ISO and in UTC, `2026-01-31 03:00:00.114207+00`, which the engine reads several times faster than a
 * parser of every form there is; any other form is left to that. What is below a millisecond is cut off.
 */
export function parseTime(text: string): Date {
  if (text.charCodeAt(4) === DASH && text.charCodeAt(10) === SPACE && text.endsWith('+00')) {
    const time = new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
    if (!Number.isNaN(time.getTime())) return time;
  }
  return ordinaryTime(text);
}

const DASH = 0x2d;
const SPACE = 0x20;

/**
 * How values become JavaScript on our connections: as `pg` does (timestamptz a Date, jsonb parsed, uuid and numeric text), but int8 a
 * number. Ours are counts, sizes and milliseconds, far below 2^53; beyond it digits would be lost.
 */
export const rowTypes = {
  getTypeParser: ((oid: number, format: 'text' | 'binary' = 'text') => {
    if (format === 'binary') return types.getTypeParser(oid, format) as unknown;
    if (oid === INT8) return Number;
    return oid === TIMESTAMPTZ ? parseTime : (types.getTypeParser(oid, format) as unknown);
  }) as typeof types.getTypeParser,
};
