import { expect, test } from 'vitest';
import type { Signal } from '../transport.js';
import { decodeSignal, encodeSignal } from './signal-message.js';

const SIGNALS: readonly Signal[] = [
  { kind: 'cancel', ids: ['a', 'b'] },
  { kind: 'pause', queue: 'mail' },
  { kind: 'resume', queue: 'mail' },
  { kind: 'settings', queue: 'mail' },
  { kind: 'drain', workerId: 'w' },
  { kind: 'fin', batchId: 'b' },
];

test.each(SIGNALS)('$kind is read back as it was written', (signal) => {
  expect(decodeSignal(signal.kind, encodeSignal(signal))).toEqual(signal);
});

test('a fin carries its flag', () => {
  expect(encodeSignal({ kind: 'fin', batchId: 'b' })).toBe('{"flag":"fin","batchId":"b"}');
});

test.each([
  ['cancel', '{}'],
  ['cancel', '{"ids":"a"}'],
  ['cancel', '{"ids":[1]}'],
  ['pause', 'mail'],
  ['pause', 'null'],
  ['pause', '["mail"]'],
  ['drain', '{"queue":"mail"}'],
  ['fin', ''],
  ['explode', '{"ids":["a"]}'],
])('%s with %s is malformed', (kind, text) => {
  expect(decodeSignal(kind, text)).toBeUndefined();
});
