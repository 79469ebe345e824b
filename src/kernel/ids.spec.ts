import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdGenerator, idTime, isUuid, lowestIdAt } from './ids.js';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOW = 1_750_000_000_000;

/** Any moment an id can carry: 48 bits. */
const moment = fc.integer({ min: 0, max: 2 ** 48 - 1 });

function generatorAt(...times: number[]): IdGenerator {
  let index = 0;
  return new IdGenerator({ now: () => times[Math.min(index++, times.length - 1)] ?? 0 });
}

describe('IdGenerator', () => {
  it('makes version 7 UUIDs of the clock’s time', () => {
    const id = generatorAt(NOW).next();
    expect(id).toMatch(UUID_V7);
    expect(isUuid(id)).toBe(true);
    expect(idTime(id)).toBe(NOW);
  });

  it('makes ids that rise strictly, however the clock steps', () => {
    const steps = fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 2, maxLength: 200 });
    fc.assert(
      fc.property(steps, (deltas) => {
        let now = NOW;
        const generator = generatorAt(...deltas.map((delta) => (now += delta)));
        const ids = deltas.map(() => generator.next());
        expect(ids).toEqual([...new Set(ids)].sort());
        for (const id of ids) expect(id).toMatch(UUID_V7);
      }),
    );
  });

  it('makes ids that rise strictly also beyond 4,096 in a millisecond, and soon follows the clock again', () => {
    const generator = generatorAt(...Array.from({ length: 10_000 }, () => NOW), NOW + 1_000);
    const ids = Array.from({ length: 10_000 }, () => generator.next());
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual([...ids].sort());
    expect(idTime(ids.at(-1) ?? '')).toBe(NOW + 2);
    expect(idTime(generator.next())).toBe(NOW + 1_000);
  });

  it('holds the last time while the clock is set back', () => {
    const generator = generatorAt(NOW, NOW - 60_000);
    expect([idTime(generator.next()), idTime(generator.next())]).toEqual([NOW, NOW]);
  });

  it('makes other ids than another generator of the same moment', () => {
    const of = (generator: IdGenerator): string[] => Array.from({ length: 1_000 }, () => generator.next());
    expect(new Set([...of(generatorAt(NOW)), ...of(generatorAt(NOW))]).size).toBe(2_000);
  });

  it('takes whole milliseconds from a clock that has fractions', () => {
    expect(idTime(generatorAt(NOW + 0.7).next())).toBe(NOW);
  });
});

describe('lowestIdAt', () => {
  it('is above every id made before and not above any made then', () => {
    fc.assert(
      fc.property(moment, moment, (at, made) => {
        const id = generatorAt(made).next();
        expect(id < lowestIdAt(at)).toBe(made < at);
      }),
    );
  });

  it('carries its moment, and the beginning of time for one before that', () => {
    fc.assert(fc.property(moment, (at) => void expect(idTime(lowestIdAt(at))).toBe(at)));
    expect(idTime(lowestIdAt(-1))).toBe(0);
  });
});

describe('isUuid', () => {
  it.each([
    ['0190f5fe-7c00-7a00-8000-000000000000', true],
    ['0190F5FE-7C00-7A00-8000-000000000000', true],
    ['0190f5fe7c007a008000000000000000', false],
    ['{0190f5fe-7c00-7a00-8000-000000000000}', false],
    ['0190f5fe-7c00-7a00-8000-00000000000g', false],
    ['0190f5fe-7c00-7a00-8000-000000000000\n', false],
    ['', false],
  ])('answers for %j: %s', (text, expected) => {
    expect(isUuid(text)).toBe(expected);
  });
});
