import { expect, test } from 'vitest';
import { FIRST_DUE_PLACE, type StagedJob } from '../../job/index.js';
import { DueLine } from './due-line.js';

const row = (number: number, dueMs: number): StagedJob => ({
  id: `0190${String(number).padStart(4, '0')}-0000-7000-8000-000000000000`,
  queue: 'mail',
  lane: 'normal',
  attempt: 0,
  dueAt: new Date(dueMs).toISOString(),
  dueMs,
});

test('a row that is read again is taken once, and again when it has a new due time', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  expect(line.take([row(1, 1_000), row(2, 1_000)])).toHaveLength(2);
  expect(line.take([row(1, 1_000), row(2, 1_500), row(3, 1_500)])).toEqual([row(2, 1_500), row(3, 1_500)]);
});

test('reading goes on after the last row, and from the end it goes back half a second, or five seconds one time in five', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  line.take([row(1, 50_000)]);
  expect(line.place).toEqual({ dueAt: row(1, 50_000).dueAt, id: row(1, 50_000).id });
  const goesBack = Array.from({ length: 6 }, () => {
    line.reachEnd(100_000);
    return 100_000 - Date.parse(line.place.dueAt);
  });
  expect(goesBack).toEqual([5_000, 500, 500, 500, 500, 5_000]);
});

test('what is older than the longest way back is forgotten', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  line.take([row(1, 94_000), row(2, 95_000), row(3, 99_000)]);
  line.reachEnd(100_000);
  expect(line.remembered).toBe(2);
});

test('it remembers a bounded number, and never goes back beyond what it forgot', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  const rows = Array.from({ length: 60_000 }, (_, number) => row(number, 99_000));
  for (let at = 0; at < rows.length; at += 1_000) line.take(rows.slice(at, at + 1_000));
  expect(line.remembered).toBe(50_000);
  line.reachEnd(100_000);
  expect(line.place).toEqual({ dueAt: row(9_999, 99_000).dueAt, id: row(9_999, 99_000).id });
  expect(line.take(rows.slice(10_000))).toEqual([]);
});
