import { expect, it } from 'vitest';
import { cut } from './screen.js';

const RED = '\u001b[31m';
const END = '\u001b[0m';

it.each([
  ['short', 9, 'short'],
  ['just as long', 12, 'just as long'],
  ['too long for it', 8, 'too long'],
  [`${RED}red${END} and more`, 7, `${RED}red${END} and`],
  [`${RED}red${END}`, 2, `${RED}re${END}`],
  ['♜♜♜', 2, '♜♜'],
])('%j is cut to %i characters, its colours not counted', (line, columns, kept) => {
  expect(cut(line, columns)).toBe(kept);
});
