import { expect, it } from 'vitest';
import { Slots } from './slots.js';

/** True when the promise has resolved by the end of this turn. */
async function isOver(promise: Promise<void>): Promise<boolean> {
  let over = false;
  void promise.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

it('gives at most what is free, and never less than nothing', () => {
  const slots = new Slots(5);
  expect([slots.take(3), slots.take(3), slots.take(3), slots.take(-1)]).toEqual([3, 2, 0, 0]);
  expect([slots.busy, slots.free]).toEqual([5, 0]);
  slots.release(2);
  expect([slots.busy, slots.free, slots.take(9)]).toEqual([3, 2, 2]);
});

it('wakes everybody who waits when a slot comes free, and nobody when none does', async () => {
  const slots = new Slots(1);
  slots.take(1);
  const waits = [slots.change(), slots.change()];
  slots.release(0);
  expect(await Promise.all(waits.map(isOver))).toEqual([false, false]);
  slots.release();
  expect(await Promise.all(waits.map(isOver))).toEqual([true, true]);
});

it('ends every wait when told to', async () => {
  const slots = new Slots(1);
  const wait = slots.change();
  slots.wake();
  expect(await isOver(wait)).toBe(true);
  expect(await isOver(slots.change())).toBe(false);
});

it('wakes who waits when there are more of them, and takes none while more jobs run than a smaller number allows', async () => {
  const slots = new Slots(2);
  slots.take(2);
  const wait = slots.change();
  slots.resize(3);
  expect([await isOver(wait), slots.capacity, slots.free]).toEqual([true, 3, 1]);
  slots.resize(1);
  expect([slots.busy, slots.free, slots.take(1)]).toEqual([2, 0, 0]);
  slots.release(2);
  expect(slots.take(2)).toBe(1);
});
