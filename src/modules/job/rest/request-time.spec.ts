import { describe, expect, it } from 'vitest';
import { requestTime } from './request-time.js';

describe('a time in a request', () => {
  it.each([
    ['2026-01-31T03:00:00Z', '2026-01-31T03:00:00.000Z'],
    ['2026-01-31T03:00+02:00', '2026-01-31T01:00:00.000Z'],
    ['2026-01-31t03:00:00.123456z', '2026-01-31T03:00:00.123Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ])('may be %s', (text, moment) => {
    expect(requestTime().parse(text).toISOString()).toBe(moment);
  });

  it.each([
    ['2026-01-31'],
    ['2026-01-31T03:00:00'],
    ['2026-13-31T03:00:00Z'],
    ['tomorrow'],
    // Years that PostgreSQL does not write so, though a Date does; the last two are of such a year in UTC.
    ['0000-01-01T00:00:00Z'],
    ['0001-01-01T00:00:00+01:00'],
    ['9999-12-31T23:59:59-01:00'],
  ])('is refused as %s, with the form', (text) => {
    const { error } = requestTime().safeParse(text);
    expect(error?.issues[0]?.message).toBe(
      `is ${JSON.stringify(text)}; use a time in ISO 8601 with a zone, as 2026-01-31T03:00:00Z`,
    );
  });
});
