import fc from 'fast-check';
import { expect, it } from 'vitest';
import { storableText } from './storable-text.js';

it('leaves text alone that fits and can be stored', () => {
  expect(storableText('ein Text – 日本 🦜', 100)).toBe('ein Text – 日本 🦜');
  expect(storableText('x'.repeat(100), 100)).toBe('x'.repeat(100));
});

it('replaces what PostgreSQL refuses', () => {
  expect(storableText('a\u0000b\ud800c', 100)).toBe('a\ufffdb\ufffdc');
});

it('shows that it has cut', () => {
  expect(storableText('x'.repeat(101), 100)).toBe(`${'x'.repeat(94)}…`);
});

it('never exceeds its bytes and is always storable, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.integer({ min: 8, max: 200 }),
      (text, most) => {
        const stored = storableText(`${text}\ud83e`, most);
        expect(Buffer.byteLength(stored)).toBeLessThanOrEqual(most);
        expect(stored.isWellFormed()).toBe(true);
        expect(stored).not.toContain('\u0000');
      },
    ),
  );
});
