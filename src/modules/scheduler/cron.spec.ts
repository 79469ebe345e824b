import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CronError, Zone, lastFires, nextFire, parseCron, type Cron, type Fire } from './cron.js';

const utc = Zone.of('UTC');
const berlin = Zone.of('Europe/Berlin');
const newYork = Zone.of('America/New_York');
const lordHowe = Zone.of('Australia/Lord_Howe');
const casablanca = Zone.of('Africa/Casablanca');

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The next fires of an expression, as the local clock shows them. */
function fires(cron: string, zone: Zone, after: string, count: number): string[] {
  const parsed = parseCron(cron);
  const found: string[] = [];
  let at = Date.parse(after);
  for (let n = 0; n < count; n++) {
    const fire = nextFire(parsed, zone, at);
    if (!fire) break;
    found.push(`${zone.shown(fire.at)}${fire.change ? ` ${fire.change}` : ''}`);
    at = fire.at;
  }
  return found;
}

describe('an expression', () => {
  it.each([
    ['0 2 * * *', '2026-01-01T02:00:00Z', ['2026-01-02T02:00:00+00:00', '2026-01-03T02:00:00+00:00']],
    ['*/20 * * * *', '2026-01-01T00:05:00Z', ['2026-01-01T00:20:00+00:00', '2026-01-01T00:40:00+00:00']],
    ['*/20 * * * * *', '2026-01-01T00:00:50Z', ['2026-01-01T00:01:00+00:00', '2026-01-01T00:01:20+00:00']],
    [
      '30 8,17 * * MON-FRI',
      '2026-01-02T17:30:00Z',
      ['2026-01-05T08:30:00+00:00', '2026-01-05T17:30:00+00:00'],
    ],
    ['0 0 1 jan,Jul ?', '2026-01-01T00:00:00Z', ['2026-07-01T00:00:00+00:00', '2027-01-01T00:00:00+00:00']],
    ['0 0 13 * 5', '2026-02-01T00:00:00Z', ['2026-02-06T00:00:00+00:00', '2026-02-13T00:00:00+00:00']],
    ['0 0 * * 7', '2026-01-01T00:00:00Z', ['2026-01-04T00:00:00+00:00', '2026-01-11T00:00:00+00:00']],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', ['2028-02-29T00:00:00+00:00', '2032-02-29T00:00:00+00:00']],
    ['10-50/20 3 * * *', '2026-01-01T00:00:00Z', ['2026-01-01T03:10:00+00:00', '2026-01-01T03:30:00+00:00']],
    ['5/25 3 * * *', '2026-01-01T00:00:00Z', ['2026-01-01T03:05:00+00:00', '2026-01-01T03:30:00+00:00']],
    ['@yearly', '2026-06-01T00:00:00Z', ['2027-01-01T00:00:00+00:00', '2028-01-01T00:00:00+00:00']],
    ['@annually', '2026-06-01T00:00:00Z', ['2027-01-01T00:00:00+00:00', '2028-01-01T00:00:00+00:00']],
    ['@monthly', '2026-01-02T00:00:00Z', ['2026-02-01T00:00:00+00:00', '2026-03-01T00:00:00+00:00']],
    ['@weekly', '2026-01-01T00:00:00Z', ['2026-01-04T00:00:00+00:00', '2026-01-11T00:00:00+00:00']],
    [' @Daily ', '2026-01-01T00:00:00Z', ['2026-01-02T00:00:00+00:00', '2026-01-03T00:00:00+00:00']],
    ['@midnight', '2026-01-01T00:00:00Z', ['2026-01-02T00:00:00+00:00', '2026-01-03T00:00:00+00:00']],
    ['@hourly', '2026-01-01T00:00:00Z', ['2026-01-01T01:00:00+00:00', '2026-01-01T02:00:00+00:00']],
  ])('%s after %s fires at %j', (cron, after, expected) => {
    expect(fires(cron, utc, after, 2)).toEqual(expected);
  });

  it.each([
    ['', 'has 0 fields'],
    ['* * * *', 'has 4 fields'],
    ['60 * * * *', 'minute "60"'],
    ['* 24 * * *', 'hour "24"'],
    ['* * 0 * *', 'day of the month "0"'],
    ['* * * 13 *', 'month "13"'],
    ['* * * * 8', 'day of the week "8"'],
    ['*/0 * * * *', 'whose step is 0'],
    ['5-1 * * * *', 'goes backwards'],
    ['1,,2 * * * *', 'minute "1,,2"'],
    ['@reboot', '"@reboot", which is no name of a time; use one of @yearly, '],
    ['@daily * * * *', '"@daily * * * *", which is no name of a time'],
    ['a * * * *', 'of which "a" is nothing; use 0…59'],
  ])('%j is refused: %s', (cron, reason) => {
    expect(() => parseCron(cron)).toThrow(CronError);
    expect(() => parseCron(cron)).toThrow(reason);
  });

  it('that never matches has no fire', () => {
    expect(fires('0 0 31 2 *', utc, '2026-01-01T00:00:00Z', 1)).toEqual([]);
    expect(fires('0 0 30 2 *', berlin, '2026-01-01T00:00:00Z', 1)).toEqual([]);
  });
});

describe('when clocks go forward', () => {
  it('a named time that does not exist fires once, at the end of the gap', () => {
    expect(fires('30 2 * * *', berlin, '2026-03-28T02:00:00Z', 3)).toEqual([
      '2026-03-29T03:00:00+02:00 gap',
      '2026-03-30T02:30:00+02:00',
      '2026-03-31T02:30:00+02:00',
    ]);
    expect(fires('*/10 2 * * *', newYork, '2026-03-08T05:00:00Z', 2)).toEqual([
      '2026-03-08T03:00:00-04:00 gap',
      '2026-03-09T02:00:00-04:00',
    ]);
    expect(fires('15 2 * * *', lordHowe, '2026-10-03T00:00:00Z', 2)).toEqual([
      '2026-10-04T02:30:00+11:00 gap',
      '2026-10-05T02:15:00+11:00',
    ]);
  });

  it('hours with * or / follow elapsed time', () => {
    expect(fires('30 * * * *', berlin, '2026-03-29T00:00:00Z', 3)).toEqual([
      '2026-03-29T01:30:00+01:00',
      '2026-03-29T03:30:00+02:00',
      '2026-03-29T04:30:00+02:00',
    ]);
    expect(fires('0 */2 * * *', newYork, '2026-03-08T05:30:00Z', 2)).toEqual([
      '2026-03-08T04:00:00-04:00',
      '2026-03-08T06:00:00-04:00',
    ]);
  });
});

describe('when clocks go back', () => {
  it('a named time that comes twice fires the first time', () => {
    expect(fires('30 2 * * *', berlin, '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T02:30:00+02:00 twice',
      '2026-10-26T02:30:00+01:00',
    ]);
    expect(fires('30 1 * * *', newYork, '2026-11-01T00:00:00Z', 2)).toEqual([
      '2026-11-01T01:30:00-04:00 twice',
      '2026-11-02T01:30:00-05:00',
    ]);
    expect(fires('45 1 * * *', lordHowe, '2026-04-04T00:00:00Z', 2)).toEqual([
      '2026-04-05T01:45:00+11:00 twice',
      '2026-04-06T01:45:00+10:30',
    ]);
  });

  it('hours with * fire in both', () => {
    expect(fires('30 * * * *', berlin, '2026-10-25T00:00:00Z', 3)).toEqual([
      '2026-10-25T02:30:00+02:00',
      '2026-10-25T02:30:00+01:00',
      '2026-10-25T03:30:00+01:00',
    ]);
  });
});

describe('any expression in any of these zones', () => {
  const field = (least: number, most: number) =>
    fc.oneof(
      fc.constant('*'),
      fc.integer({ min: least, max: most }).map(String),
      fc.integer({ min: 1, max: 30 }).map((step) => `*/${step}`),
    );
  const expression = fc
    .tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
    .map((fields) => fields.join(' '));
  const zone = fc.constantFrom(utc, berlin, newYork, lordHowe);
  const time = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2030, 0, 1) });

  it('fires later than asked, and at no time between', () => {
    fc.assert(
      fc.property(expression, zone, time, (text, clocks, after) => {
        const cron = parseCron(text);
        const fire = nextFire(cron, clocks, after);
        if (!fire) return;
        expect(fire.at).toBeGreaterThan(after);
        expect(nextFire(cron, clocks, fire.at - 1_000)).toEqual(fire);
      }),
      { numRuns: 200 },
    );
  });
});

describe('any expression, by day and month far away or near changes of clocks', () => {
  const named = (most: number) => fc.integer({ min: 0, max: most }).map(String);
  const step = fc.integer({ min: 1, max: 30 }).map((value) => `*/${value}`);
  const expression = fc
    .tuple(
      fc.oneof(fc.constantFrom('0', '*/20', '59'), named(59)),
      fc.oneof(fc.constant('*'), named(59), step),
      fc.oneof(fc.constantFrom('*', '0-23', '1-3'), named(23), step),
      fc.oneof(fc.constantFrom('*', '29', '31', '1-7'), step),
      fc.oneof(fc.constantFrom('*', '2', '2,12', 'mar-oct'), step),
      fc.oneof(fc.constantFrom('*', '*/7', 'sun'), named(6)),
    )
    .map((fields) => fields.join(' '));
  const zone = fc.constantFrom(utc, berlin, newYork, lordHowe, casablanca);
  const changes = [
    '2026-03-29T01:00Z',
    '2026-10-25T01:00Z',
    '2026-03-08T07:00Z',
    '2026-11-01T06:00Z',
    '2026-04-04T15:00Z',
    '2026-10-03T15:30Z',
    '2026-02-15T02:00Z',
    '2026-03-22T02:00Z',
  ].map((text) => Date.parse(text));
  const time = fc.oneof(
    fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2105, 0, 1) }),
    fc
      .tuple(fc.constantFrom(...changes), fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }))
      .map(([change, away]) => change + away),
  );

  it('fires when one finds who tries every time in turn', () => {
    fc.assert(
      fc.property(expression, zone, time, (text, clocks, after) => {
        const cron = parseCron(text);
        expect(nextFire(cron, clocks, after)).toEqual(plainly(cron, clocks, after));
      }),
      { numRuns: 400 },
    );
  });

  it('is read against the clocks that the platform knows', () => {
    fc.assert(
      fc.property(zone, time, (clocks, at) => {
        expect(clocks.offsetAt(at)).toBe(offsetByName(clocks.name, at));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The first fire after `after` within 41 years, found day by day, and in each by every time of it. */
function plainly(cron: Cron, zone: Zone, after: number): Fire | undefined {
  const firstDay = Math.floor(after / DAY_MS) - 2;
  for (let day = firstDay; day < firstDay + 41 * 366; day++) {
    const date = new Date(day * DAY_MS);
    const [isDay, isWeekday] = [cron.days.has(date.getUTCDate()), cron.weekdays.has(date.getUTCDay())];
    if (!cron.months.has(date.getUTCMonth() + 1)) continue;
    if (!(cron.isEitherDay ? isDay || isWeekday : isDay && isWeekday)) continue;
    for (const fire of cron.isElapsed ? elapsedTimes(cron, zone, day) : namedTimes(cron, zone, day))
      if (fire.at > after) return fire;
  }
  return undefined;
}

function* namedTimes(cron: Cron, zone: Zone, day: number): Generator<Fire> {
  for (const hour of cron.hours)
    for (const minute of cron.minutes)
      for (const second of cron.seconds)
        yield zone.at(day * DAY_MS + (hour * 60 + minute) * MINUTE_MS + second * 1_000);
}

function* elapsedTimes(cron: Cron, zone: Zone, day: number): Generator<Fire> {
  const end = zone.at((day + 1) * DAY_MS).at;
  for (let { at } = zone.at(day * DAY_MS); at < end; at += MINUTE_MS) {
    const local = new Date(at + zone.offsetAt(at));
    if (!cron.hours.includes(local.getUTCHours()) || !cron.minutes.includes(local.getUTCMinutes())) continue;
    for (const second of cron.seconds) yield { at: at + second * 1_000 };
  }
}

/** As the platform says it in words, `GMT-03:30`. */
function offsetByName(timeZone: string, at: number): number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = 0, minutes = 0] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}

describe('the last fires', () => {
  it('are the newest of those in the stretch, oldest first', () => {
    const at = (text: string): number => Date.parse(text);
    const every = parseCron('0 * * * *');
    const found = lastFires(every, utc, at('2026-01-01T00:00:00Z'), at('2026-02-01T00:30:00Z'), 3);
    expect(found.map((fire) => utc.shown(fire.at).slice(0, 16))).toEqual([
      '2026-01-31T22:00',
      '2026-01-31T23:00',
      '2026-02-01T00:00',
    ]);
    expect(lastFires(every, utc, at('2026-01-01T00:00:00Z'), at('2026-01-01T02:00:00Z'), 9)).toHaveLength(2);
  });
});

it('a zone that does not exist is refused', () => {
  expect(() => Zone.of('Europe/Berlim')).toThrow('is no time zone');
});
