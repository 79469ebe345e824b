import { expect, it } from 'vitest';
import { flags } from './flags.js';
import { helpText } from './help.js';

it('tells every flag, entry and exit code', () => {
  const help = helpText();
  for (const { name } of flags) expect(help).toContain(`--${name}`);
  for (const word of ['all', 'job', 'worker', 'scheduler', 'status', '0', '1', '2']) {
    expect(help).toMatch(new RegExp(`^ {2}${word} +\\w`, 'm'));
  }
});

it('fits a window of 120 columns', () => {
  for (const line of helpText().split('\n')) expect(line.length).toBeLessThanOrEqual(120);
});

it('aligns the meanings of the flags', () => {
  const lines = helpText().split('\n');
  const columns = flags.map(({ about }) => lines.find((line) => line.includes(about))?.indexOf(about));
  expect(new Set(columns).size).toBe(1);
});
