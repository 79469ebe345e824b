import { describe, expect, it } from 'vitest';
import { RookeryError } from '../../kernel/errors.js';
import { pendingMigrations } from './schema-guard.js';

const known = ['CreateJobTables1700000000001', 'AddBatches1700000000002'];

describe('pendingMigrations', () => {
  it('lists what an empty or older schema lacks, oldest first', () => {
    expect(pendingMigrations([], known, 'the schema')).toEqual(known);
    expect(pendingMigrations(known.slice(0, 1), known, 'the schema')).toEqual(['AddBatches1700000000002']);
  });

  it('lists nothing for a schema of the same age', () => {
    expect(pendingMigrations(known, known, 'the schema')).toEqual([]);
  });

  it('refuses a schema that has seen a migration unknown here, and names the remedy', () => {
    const judge = () => pendingMigrations([...known, 'AddMoons1700000000009'], known, 'schema "public"');
    expect(judge).toThrow(RookeryError);
    expect(judge).toThrow(
      /AddMoons1700000000009.*ends with AddBatches1700000000002.*at least as new.*migration:revert/,
    );
  });
});
