/**
 * Cron expressions and the local clocks they are read against. Everything here only computes: time comes in as ms since 1970, and the
 * rules of a zone from the platform.
 *
 * What becomes of local times when clocks change follows Vixie's cron. Where the hours are named, each matching local time fires once: one
 * that does not exist, at the end of the gap; one that comes twice, the first time. Where the hours hold `*` or `/`, elapsed time counts:
 * every moment whose local time matches fires, so an hour that comes twice fires twice and one that is skipped not at all.
 */

/** What is wrong with an expression or a zone, in words that follow its name. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/** A parsed expression; each field holds the values that match, ascending. */
export interface Cron {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** True when both the day and the weekday are restricted: then either will do. */
  readonly isEitherDay: boolean;
  /** True when the hours hold `*` or `/`. */
  readonly isElapsed: boolean;
}

/** One moment a schedule is for. */
export interface Fire {
  /** In ms since 1970. */
  readonly at: number;
  /** How its local time met a change of clocks: it does not exist that day, or comes twice. */
  readonly change?: 'gap' | 'twice';
}

interface FieldRule {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const RULES = {
  second: { name: 'second', least: 0, most: 59 },
  minute: { name: 'minute', least: 0, most: 59 },
  hour: { name: 'hour', least: 0, most: 23 },
  day: { name: 'day of the month', least: 1, most: 31 },
  month: { name: 'month', least: 1, most: 12, names: MONTHS },
  weekday: { name: 'day of the week', least: 0, most: 7, names: WEEKDAYS },
} satisfies Record<string, FieldRule>;

/** The names that Vixie's cron knows; `@reboot` is none, because no fire may hang on when a process starts. */
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** No clock changes within a quarter of an hour, nor does any local hour begin within one. */
const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Days looked at for the next fire: 29 February on a given weekday comes every 28 years, or 40 across a century without one. */
const FARTHEST_DAYS = 41 * 366;

/** Reads an expression of 5 fields, of 6 with seconds first, or a nickname as `@daily`. Throws a `CronError`. */
export function parseCron(text: string): Cron {
  const fields = spelledOut(text.trim());
  const parts = fields === '' ? [] : fields.split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) {
    throw new CronError(
      `has ${parts.length === 1 ? '1 field' : `${parts.length} fields`}; use 5 (minute hour day month weekday), or 6 with seconds first`,
    );
  }
  const [second = '', minute = '', hour = '', day = '', month = '', weekday = ''] =
    parts.length === 5 ? ['0', ...parts] : parts;
  return {
    seconds: valuesOf(second, RULES.second),
    minutes: valuesOf(minute, RULES.minute),
    hours: valuesOf(hour, RULES.hour),
    days: new Set(valuesOf(day, RULES.day)),
    months: new Set(valuesOf(month, RULES.month)),
    weekdays: new Set(valuesOf(weekday, RULES.weekday).map((value) => value % 7)),
    isEitherDay: !/^[*?]/.test(day) && !/^[*?]/.test(weekday),
    isElapsed: /[*/]/.test(hour),
  };
}

function spelledOut(text: string): string {
  if (!text.startsWith('@')) return text;
  const fields = NICKNAMES.get(text.toLowerCase());
  if (fields !== undefined) return fields;
  throw new CronError(
    `is ${JSON.stringify(text)}, which is no name of a time; use one of ${[...NICKNAMES.keys()].join(', ')}, or 5 fields`,
  );
}

function valuesOf(field: string, rule: FieldRule): number[] {
  const values = new Set<number>();
  for (const part of field.split(',')) for (const value of rangeOf(part, field, rule)) values.add(value);
  return [...values].sort((a, b) => a - b);
}

/** The values of `*`, `5`, `1-5`, `*` with a step, `1-30/10` or `7/10`. */
function rangeOf(part: string, field: string, rule: FieldRule): number[] {
  const match = /^(?:([*?])|([a-z0-9]+)(?:-([a-z0-9]+))?)(?:\/(\d{1,3}))?$/i.exec(part);
  if (!match) throw badField(field, part, rule);
  const [, any, first = '', last, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1) throw new CronError(`has the ${rule.name} "${field}", whose step is 0; use at least 1`);
  const from = any === undefined ? valueOf(first, field, rule) : rule.least;
  const isOpen = any !== undefined || (last === undefined && stepText !== undefined);
  const to = isOpen ? highest(rule) : last === undefined ? from : valueOf(last, field, rule);
  if (to < from) throw new CronError(`has the ${rule.name} "${field}", whose range goes backwards`);
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

/** Sunday is 0 and 7; a whole week holds it once. */
function highest({ names, most }: FieldRule): number {
  return names === WEEKDAYS ? 6 : most;
}

function valueOf(text: string, field: string, rule: FieldRule): number {
  const named = rule.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + (rule.names === MONTHS ? 1 : 0);
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= rule.least && value <= rule.most)) throw badField(field, text, rule);
  return value;
}

function badField(field: string, part: string, { name, least, most, names }: FieldRule): CronError {
  const also = names ? `, or ${names[0]}…${names.at(-1)}` : '';
  return new CronError(
    `has the ${name} "${field}", of which "${part}" is nothing; use ${least}…${most}${also}, *, a-b, a,b or */n`,
  );
}

/** The first fire after `after`; undefined when there never is one, as on 31 February. */
export function nextFire(cron: Cron, zone: Zone, after: number): Fire | undefined {
  // A local date may begin up to a day before or after the date in UTC.
  const firstDay = Math.floor((after + zone.offsetAt(after)) / DAY_MS) - 1;
  for (const day of daysOf(cron, firstDay)) {
    const fire = cron.isElapsed ? elapsedFire(cron, zone, day, after) : namedFire(cron, zone, day, after);
    if (fire) return fire;
  }
  return undefined;
}

/** The local days that match, in days since 1970, from that day on as far as is looked. Months that do not match cost one step each. */
function* daysOf(cron: Cron, firstDay: number): Generator<number> {
  for (let day = firstDay; day < firstDay + FARTHEST_DAYS;) {
    const date = new Date(day * DAY_MS);
    if (cron.months.has(date.getUTCMonth() + 1)) {
      if (isDayOf(cron, date)) yield day;
      day++;
    } else {
      day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / DAY_MS;
    }
  }
}

/** @param date a moment of the day, as if the local clock were UTC; of a month that matches */
function isDayOf({ days, weekdays, isEitherDay }: Cron, date: Date): boolean {
  const isDay = days.has(date.getUTCDate());
  const isWeekday = weekdays.has(date.getUTCDay());
  return isEitherDay ? isDay || isWeekday : isDay && isWeekday;
}

/**
 * The first local time of the day that matches and comes after `after`. A later local time never comes earlier, so hours and minutes whose last
 * second is over are passed over whole.
 */
function namedFire(cron: Cron, zone: Zone, day: number, after: number): Fire | undefined {
  const isOver = (local: number): boolean => zone.at(local).at <= after;
  for (const hour of cron.hours) {
    const hourAt = day * DAY_MS + hour * HOUR_MS;
    if (isOver(hourAt + HOUR_MS - SECOND_MS)) continue;
    for (const minute of cron.minutes) {
      const minuteAt = hourAt + minute * MINUTE_MS;
      if (isOver(minuteAt + MINUTE_MS - SECOND_MS)) continue;
      const second = cron.seconds.find((value) => !isOver(minuteAt + value * SECOND_MS));
      if (second !== undefined) return zone.at(minuteAt + second * SECOND_MS);
    }
  }
  return undefined;
}

/** The first moment of the day after `after` whose local time matches, minute by minute as time passes; hours that do not match, by quarters. */
function elapsedFire(cron: Cron, zone: Zone, day: number, after: number): Fire | undefined {
  const end = zone.at((day + 1) * DAY_MS).at;
  let at = Math.max(zone.at(day * DAY_MS).at, Math.floor(after / MINUTE_MS) * MINUTE_MS);
  while (at < end) {
    const local = new Date(at + zone.offsetAt(at));
    if (!cron.hours.includes(local.getUTCHours())) {
      at = (Math.floor(at / QUARTER_MS) + 1) * QUARTER_MS;
      continue;
    }
    const minuteAt = at;
    const second = cron.minutes.includes(local.getUTCMinutes())
      ? cron.seconds.find((value) => minuteAt + value * SECOND_MS > after)
      : undefined;
    if (second !== undefined) return { at: at + second * SECOND_MS };
    at += MINUTE_MS;
  }
  return undefined;
}

/** The last fires in (`from`, `to`], oldest first, at most `most` ≥ 1; reads back in stretches that grow, so few are computed in vain. */
export function lastFires(cron: Cron, zone: Zone, from: number, to: number, most: number): Fire[] {
  for (let stretch = HOUR_MS; ; stretch *= 8) {
    const begin = Math.max(from, to - stretch);
    const fires = firesIn(cron, zone, begin, to);
    if (fires.length >= most || begin === from) return fires.slice(-most);
  }
}

function firesIn(cron: Cron, zone: Zone, from: number, to: number): Fire[] {
  const fires: Fire[] = [];
  for (let fire = nextFire(cron, zone, from); fire && fire.at <= to; fire = nextFire(cron, zone, fire.at))
    fires.push(fire);
  return fires;
}

/** The clocks of one time zone. */
export class Zone {
  private readonly format: Intl.DateTimeFormat;
  /** The offset of each quarter of an hour that was read, by its begin. */
  private readonly offsets = new Map<number, number>();

  private constructor(readonly name: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** Throws a `CronError` when there is no zone of that name. */
  static of(name: string): Zone {
    try {
      return new Zone(name);
    } catch {
      throw new CronError(`is no time zone; use a name such as Europe/Berlin or UTC`);
    }
  }

  /** What local clocks are ahead of UTC at that moment, in ms. */
  offsetAt(at: number): number {
    const day = Math.floor(at / DAY_MS) * DAY_MS;
    const offset = this.offsetOf(day);
    // Clocks do not change twice within a day.
    return offset === this.offsetOf(day + DAY_MS)
      ? offset
      : this.offsetOf(Math.floor(at / QUARTER_MS) * QUARTER_MS);
  }

  private offsetOf(quarterAt: number): number {
    let offset = this.offsets.get(quarterAt);
    if (offset === undefined) {
      // A walk over years must not fill the memory.
      if (this.offsets.size > 1_000) this.offsets.clear();
      offset = this.readOffset(quarterAt);
      this.offsets.set(quarterAt, offset);
    }
    return offset;
  }

  /**
   * When the local clock shows that time: the first of two times, and for a time that is skipped the moment of the change.
   * @param local the time as if the clock were UTC, in ms
   */
  at(local: number): Fire {
    const before = this.offsetAt(local - DAY_MS);
    const after = this.offsetAt(local + DAY_MS);
    const [first, second] = [...new Set([local - before, local - after])]
      .filter((at) => at + this.offsetAt(at) === local)
      .sort((a, b) => a - b);
    if (first === undefined) return { at: this.changeBetween(local - DAY_MS, local + DAY_MS), change: 'gap' };
    return second === undefined ? { at: first } : { at: first, change: 'twice' };
  }

  /** As the local clock shows it, `2026-03-29T03:00:00+02:00`. */
  shown(at: number): string {
    const offset = this.offsetAt(at);
    const minutes = Math.abs(offset) / MINUTE_MS;
    const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
    const local = new Date(at + offset).toISOString().slice(0, 19);
    return `${local}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
  }

  /** The moment of the change, to the quarter of an hour. */
  private changeBetween(from: number, to: number): number {
    const before = this.offsetAt(from);
    let [low, high] = [Math.floor(from / QUARTER_MS), Math.floor(to / QUARTER_MS)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle * QUARTER_MS) === before) low = middle;
      else high = middle;
    }
    return high * QUARTER_MS;
  }

  private readOffset(at: number): number {
    const parts = new Map(this.format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const local = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    return local - at;
  }
}
