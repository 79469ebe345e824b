/** The rows under their headings, in columns as wide as their widest cell; the cells' own text must be free of colours. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number) => string = (cell) => cell,
): string[] {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lineOf = (cells: readonly string[], paintCell: typeof paint): string =>
    cells
      .map((cell, column) => `${paintCell(cell, column)}${' '.repeat((widths[column] ?? 0) - cell.length)}`)
      .join('  ')
      .trimEnd();
  return [lineOf(headings, (cell) => cell), ...rows.map((row) => lineOf(row, paint))];
}
