import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BinaryHeap } from './binary-heap.js';

test('items come out by rank, whatever was pushed and popped between', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant('pop' as const))),
      (steps) => {
        const heap = new BinaryHeap<number>((item) => item);
        const model: number[] = [];
        for (const step of steps) {
          if (step === 'pop') {
            expect(heap.peek()).toBe(model[0]);
            expect(heap.pop()).toBe(model.shift());
          } else {
            heap.push(step);
            model.push(step);
            model.sort((left, right) => left - right);
          }
          expect(heap.size).toBe(model.length);
        }
        expect([...heap.values()].sort((left, right) => left - right)).toEqual(model);
      },
    ),
  );
});
