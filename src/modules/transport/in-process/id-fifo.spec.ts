import { expect, test } from 'vitest';
import { IdFifo } from './id-fifo.js';

const many = Array.from({ length: 5_000 }, (_, number) => `id ${number}`);

test('ids come out in the order they went in, also after slots were given back', () => {
  const fifo = new IdFifo();
  const out: string[] = [];
  for (let at = 0; at < many.length; at += 100) {
    fifo.push(many.slice(at, at + 100), 100, 1);
    out.push(...fifo.shift(70));
  }
  expect(fifo.length).toBe(1_500);
  while (fifo.length > 0) out.push(...fifo.shift(999));
  expect(out).toEqual(many);
});

test('only the counted ids are appended', () => {
  const fifo = new IdFifo();
  fifo.push(['a', 'b', 'c'], 2, 1);
  expect(fifo.shift(10)).toEqual(['a', 'b']);
});

test('one shift answers ids of one time only', () => {
  const fifo = new IdFifo();
  fifo.push(['a', 'b'], 2, 1);
  fifo.push(['c'], 1, 2);
  fifo.push(['d'], 1, 1);
  expect(fifo.firstOfferedAt).toBe(1);
  expect([fifo.shift(9), fifo.shift(9), fifo.shift(9)]).toEqual([['a', 'b'], ['c'], ['d']]);
});

test('an empty one has no first and answers nothing', () => {
  const fifo = new IdFifo();
  expect(fifo.firstOfferedAt).toBeUndefined();
  expect(fifo.shift(5)).toEqual([]);
  fifo.push(many, many.length, 7);
  fifo.shift(many.length);
  expect(fifo.length).toBe(0);
  expect(fifo.firstOfferedAt).toBeUndefined();
});
