import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeJson } from './json.js';

const MANY = 1_000_000;

describe('encodeJson', () => {
  it('encodes what JSON holds as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const text = JSON.stringify(value);
        if (!/\\u(0000|d[89a-f])/.test(text))
          expect(encodeJson(value, MANY)).toEqual({ kind: 'encoded', text });
      }),
    );
  });

  it('encodes undefined as null', () => {
    expect(encodeJson(undefined, MANY)).toEqual({ kind: 'encoded', text: 'null' });
  });

  it.each([
    ['U+0000', 'a\u0000b'],
    ['U+0000 in a key', { '\u0000': 1 }],
    ['U+0000 after a backslash', '\\\u0000'],
    ['U+0000 after an escaped escape', '\\u0000\u0000'],
    ['half a surrogate pair, the first', ['\ud83e']],
    ['half a surrogate pair, the second', '\udd9c'],
    ['two halves the wrong way round', '\udd9c\ud83e'],
  ])('finds unstorable: %s', (_, value) => {
    expect(encodeJson(value, MANY)).toMatchObject({ kind: 'unstorable' });
  });

  it.each([
    ['text that looks like an escape', '\\u0000'],
    ['text that looks like an escape, twice escaped', '\\\\u0000 \\ud800'],
    ['a whole surrogate pair', '🦜'],
    ['other control characters', '\u0001\u001f\u007f'],
    ['U+D7FF and U+E000, the neighbours of surrogates', '\ud7ff\ue000'],
  ])('finds storable: %s', (_, value) => {
    expect(encodeJson(value, MANY)).toEqual({ kind: 'encoded', text: JSON.stringify(value) });
  });

  it('decides as PostgreSQL would for any string: unstorable exactly with U+0000 or a lone surrogate', () => {
    const units = fc.constantFrom('\\', 'u', '0000', 'd800', '\u0000', '\ud83e', '\udd9c', '"', 'x', '\\u');
    fc.assert(
      fc.property(fc.array(units, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const isStorable = !text.includes('\u0000') && text.isWellFormed();
        expect(encodeJson([text, { [text]: 1 }], MANY).kind).toBe(isStorable ? 'encoded' : 'unstorable');
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a function', () => 1, 'function'],
    ['a symbol', Symbol('s'), 'symbol'],
    ['a bigint within', { n: 1n }, 'BigInt'],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('mine');
        },
      },
      'mine',
    ],
  ])('says why there is no JSON of %s', (_, value, reason) => {
    const encoded = encodeJson(value, MANY);
    expect(encoded.kind === 'unstorable' && encoded.reason).toContain(reason);
  });

  it('counts bytes, not characters, and takes the bound itself', () => {
    expect(encodeJson('日本', 8)).toMatchObject({ kind: 'encoded' });
    expect(encodeJson('日本', 7)).toEqual({ kind: 'too-large', bytes: 8 });
    expect(encodeJson('ab', 4)).toMatchObject({ kind: 'encoded' });
    expect(encodeJson('ab', 3)).toEqual({ kind: 'too-large', bytes: 4 });
  });
});
