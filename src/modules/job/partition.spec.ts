import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdGenerator, lowestIdAt } from '../../kernel/ids.js';
import {
  DAY_MS,
  dayBounds,
  dayOf,
  dayOfPartition,
  daySuffix,
  groupByDay,
  oldestKeptDay,
  startOfDay,
} from './partition.js';

const NOON = Date.parse('2026-01-31T12:00:00Z');
const times = fc.integer({ min: 0, max: Date.parse('2999-12-31T23:59:59Z') });
const idAt = (ms: number): string => new IdGenerator({ now: () => ms }).next();

describe('a day', () => {
  it('begins at midnight in UTC and names its partition', () => {
    expect(startOfDay(NOON)).toBe(Date.parse('2026-01-31T00:00:00Z'));
    expect(daySuffix(startOfDay(NOON))).toBe('20260131');
  });

  it('holds exactly the ids made in it', () => {
    fc.assert(
      fc.property(times, (ms) => {
        const id = idAt(ms);
        const { from, to } = dayBounds(dayOf(id));
        expect(from <= id && id < to).toBe(true);
        expect(dayOf(id)).toBe(startOfDay(ms));
      }),
    );
  });

  it('ends where the next one begins', () => {
    const day = startOfDay(NOON);
    expect(dayBounds(day).to).toBe(dayBounds(day + DAY_MS).from);
    expect(dayOf(idAt(day + DAY_MS - 1))).toBe(day);
    expect(dayOf(idAt(day + DAY_MS))).toBe(day + DAY_MS);
    expect(dayBounds(day).from).toBe(lowestIdAt(day));
  });

  it('is read back from the name of its partitions, and from nothing else', () => {
    fc.assert(
      fc.property(times, (ms) => {
        const day = startOfDay(ms);
        expect(dayOfPartition(`job_${daySuffix(day)}`)).toBe(day);
        expect(dayOfPartition(`job_log_${daySuffix(day)}`)).toBe(day);
      }),
    );
    for (const name of ['job', 'job_log', 'job_2026', 'job_20261301', 'job_key', 'job_20260131_pkey']) {
      expect(dayOfPartition(name)).toBeUndefined();
    }
  });
});

describe('the oldest kept day', () => {
  it('is the first of which a job may be younger than the retention', () => {
    const week = 7 * DAY_MS;
    const midnight = startOfDay(NOON);
    expect(oldestKeptDay(midnight, week)).toBe(midnight - week);
    expect(oldestKeptDay(midnight - 1, week)).toBe(midnight - week - DAY_MS);
    fc.assert(
      fc.property(times, (ms) => {
        const day = oldestKeptDay(ms + week, week);
        expect(day + DAY_MS + week).toBeGreaterThan(ms + week);
        expect(day + week).toBeLessThanOrEqual(ms + week);
      }),
    );
  });
});

describe('items by the day of their ids', () => {
  it('are all there, each in its day, in id order', () => {
    fc.assert(
      fc.property(fc.array(times, { maxLength: 40 }), (all) => {
        const items = all.map((ms) => ({ id: idAt(ms) }));
        const groups = groupByDay(items, ({ id }) => id);
        expect(
          [...groups.values()]
            .flat()
            .map(({ id }) => id)
            .toSorted(),
        ).toEqual(items.map(({ id }) => id).toSorted());
        for (const [day, group] of groups) {
          const ids = group.map(({ id }) => id);
          expect(ids).toEqual(ids.toSorted());
          expect(ids.map(dayOf)).toEqual(ids.map(() => day));
        }
      }),
    );
  });

  it('leaves the items given in their order', () => {
    const ids = [idAt(NOON + 1), idAt(NOON)];
    groupByDay(ids, (id) => id);
    expect(ids).not.toEqual(ids.toSorted());
  });
});
