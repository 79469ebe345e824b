import { types } from 'pg';

/** PostgreSQL's number of the type int8. */
const INT8 = 20;

/**
 * How values become JavaScript on our connections: as `pg` does (timestamptz a Date, jsonb parsed, uuid and numeric text), but int8 a
 * number. Ours are counts, sizes and milliseconds, far below 2^53; beyond it digits would be lost.
 */
export const rowTypes = {
  getTypeParser: ((oid: number, format: 'text' | 'binary' = 'text') => {
    if (format === 'binary') return types.getTypeParser(oid, format) as unknown;
    return oid === INT8 ? Number : (types.getTypeParser(oid, format) as unknown);
  }) as typeof types.getTypeParser,
};
