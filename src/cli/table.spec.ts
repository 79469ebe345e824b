import { describe, expect, it } from 'vitest';
import { table } from './table.js';

describe('table', () => {
  it('makes every column as wide as its widest cell and ends no line in blanks', () => {
    expect(
      table(
        ['NAME', 'N'],
        [
          ['a', '1'],
          ['longer', ''],
        ],
      ),
    ).toEqual(['NAME    N', 'a       1', 'longer']);
  });

  it('paints cells without counting the paint', () => {
    const [, row] = table(['A', 'B'], [['x', 'y']], (cell, column) => (column === 0 ? `<<${cell}>>` : cell));
    expect(row).toBe('<<x>>  y');
  });
});
