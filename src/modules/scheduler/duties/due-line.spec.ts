import { expect, test } from 'vitest';
import { FIRST_DUE_PLACE, type StagedJob } from '../../job/index.js';
import { DueLine } from './due-line.js';

const row = (number: number, dueMs: number): StagedJob => ({
  id: `0000${String(number).padStart(8, '0').slice(0, 4)}-${String(number).padStart(8, '0').slice(4)}-7000-8000-000000000000`,
  queue: 'mail',
  lane: 'normal',
  attempt: 0,
  dueAt: new Date(dueMs).toISOString(),
  dueMs,
});

const full = undefined;

test('a row that is read again is taken once, and again when it has a new due time', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  expect(line.take([row(1, 1_000), row(2, 1_000)], 2_000)).toHaveLength(2);
  expect(line.take([row(1, 1_000), row(2, 1_500), row(3, 1_500)], 2_000)).toEqual([
    row(2, 1_500),
    row(3, 1_500),
  ]);
});

test('reading goes on after a full page, and from the end it goes back half a second, or five seconds one time in five', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  line.take([row(1, 99_900)], full);
  expect(line.place).toEqual({ dueAt: row(1, 99_900).dueAt, id: row(1, 99_900).id });
  const goesBack = Array.from({ length: 6 }, () => {
    line.take([row(1, 99_900)], 100_000);
    return 100_000 - Date.parse(line.place.dueAt);
  });
  expect(goesBack).toEqual([5_000, 500, 500, 500, 500, 5_000]);
});

test('a crowded way back is gone a page at a time, with what lies before read in between', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  const [a, b, c, d, e] = [row(1, 99_100), row(2, 99_200), row(3, 99_300), row(4, 99_400), row(5, 99_500)];
  line.take([a, b], full);
  line.take([c, d], full);
  line.take([], 100_000);
  expect(line.take([a, b], full)).toEqual([]);
  expect(line.place).toEqual({ dueAt: d.dueAt, id: d.id });
  expect(line.take([e], 100_000)).toEqual([e]);
  expect(line.place).toEqual({ dueAt: b.dueAt, id: b.id });
  expect(line.take([c, d], full)).toEqual([]);
  expect(line.place).toEqual({ dueAt: e.dueAt, id: e.id });
  line.take([], 100_000);
  expect(line.place).toEqual({ dueAt: d.dueAt, id: d.id });
  line.take([e], 100_000);
  expect(Date.parse(line.place.dueAt)).toBe(99_500);
});

test('what is older than the longest way back is forgotten', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  line.take([row(1, 94_000), row(2, 95_000), row(3, 99_000)], 100_000);
  expect(line.remembered).toBe(2);
});

test('it remembers a bounded number, and never goes back beyond what it forgot', () => {
  const line = new DueLine(FIRST_DUE_PLACE);
  const rows = Array.from({ length: 60_000 }, (_, number) => row(number, 99_000));
  for (let at = 0; at < rows.length; at += 1_000) line.take(rows.slice(at, at + 1_000), full);
  expect(line.remembered).toBe(50_000);
  line.take([], 100_000);
  expect(line.place).toEqual({ dueAt: row(9_999, 99_000).dueAt, id: row(9_999, 99_000).id });
  expect(line.take(rows.slice(10_000), full)).toEqual([]);
});
