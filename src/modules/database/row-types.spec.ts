import fc from 'fast-check';
import { types } from 'pg';
import { describe, expect, it } from 'vitest';
import { parseTime } from './row-types.js';

const ordinary = types.getTypeParser(1184, 'text') as (text: string) => Date;

describe('a time in text', () => {
  it('is the same as read by the driver, whatever the year, with any digits of a second', () => {
    const times = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    const fractions = fc
      .array(fc.nat(9), { maxLength: 6 })
      .map((digits) => (digits.length > 0 ? `.${digits.join('')}` : ''));
    fc.assert(
      fc.property(times, fractions, (time, fraction) => {
        const text = `${time.toISOString().slice(0, 19).replace('T', ' ')}${fraction}+00`;
        expect(parseTime(text)).toEqual(ordinary(text));
      }),
    );
  });

  it.each([
    '2026-01-31 03:00:00.114+02',
    '2026-01-31 03:00:00+05:30',
    '0044-03-15 12:00:00+00 BC',
    '12026-01-31 03:00:00+00',
  ])('in another form is the driver’s to read: %s', (text) => {
    expect(parseTime(text)).toEqual(ordinary(text));
  });

  it('at the end of all times is no Date, as the driver has it', () => {
    expect(parseTime('infinity')).toBe(Infinity);
    expect(parseTime('-infinity')).toBe(-Infinity);
  });
});
