import { formatDuration, parseDuration, type Duration } from '../../kernel/durations.js';
import type { Issue } from '../../kernel/errors.js';
import type { Json } from '../../kernel/json.js';
import { CronError, Zone, lastFires, nextFire, parseCron, type Fire } from './cron.js';

/**
 * What becomes of nominal times that passed while nothing fired, for more than a minute: none is fired, the latest, or at most the last
 * `all` of them.
 */
export type CatchUp = 'skip' | 'latest' | { readonly all: number };

/** A schedule as one writes it, in code and over the API. Exactly one of `cron` and `every` is given. */
export interface ScheduleDefinition {
  /** 5 fields (minute hour day month weekday), or 6 with seconds first; names such as MON and JAN, `*`, lists, ranges and steps. */
  readonly cron?: string;
  /** An interval of at least 1 s, counted from `startAt`, else from when the schedule was made. */
  readonly every?: Duration;
  /** Whose clocks `cron` means, as `Europe/Berlin`. Default `UTC`. */
  readonly timeZone?: string;
  /** The payload of each job. Default `{}`. */
  readonly payload?: unknown;
  /** Default `latest`. */
  readonly catchUp?: CatchUp;
  /** Each job becomes due up to this much after its nominal time, at random; at most a day. Default 0. */
  readonly jitter?: Duration;
  /** No fire before this time. */
  readonly startAt?: Date;
  /** No fire after this time. */
  readonly endAt?: Date;
}

/** A definition, checked; what its row holds. */
export interface ScheduleRules {
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
  readonly catchUp: CatchUp;
  readonly jitterMs: number;
  readonly startAt: Date | null;
  readonly endAt: Date | null;
}

/** When a schedule fires: its rules, and from when an interval counts. */
export interface Timing extends Pick<ScheduleRules, 'cron' | 'everyMs' | 'timeZone' | 'startAt' | 'endAt'> {
  readonly anchorAt: Date;
}

const SHORTEST_EVERY_MS = 1_000;
const LONGEST_EVERY_MS = 3_650 * 86_400_000;
const LONGEST_JITTER_MS = 86_400_000;
/** Most missed times that are made up for: each is a job, and one transaction makes them all. */
const MOST_CAUGHT_UP = 1_000;

/** No fire comes later: the year 9999 is the last that ISO 8601 writes with four digits, and this is in it whatever the zone. */
const LAST_FIRE_AT = Date.UTC(9999, 11, 31);

/** A fire this late is late and not missed: a restart, a failover, a busy machine. */
export const ON_TIME_MS = 60_000;

/** Checks a definition; answers its rules, or every bad field. */
export function rulesOf(
  definition: ScheduleDefinition,
  now: number,
): { readonly rules: ScheduleRules } | { readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const { cron, every, timeZone = 'UTC', catchUp = 'latest', jitter, startAt, endAt } = definition;
  const rules: ScheduleRules = {
    cron: cron ?? null,
    everyMs: every === undefined ? null : everyOf(every, issues),
    timeZone,
    catchUp: catchUpOf(catchUp, issues),
    jitterMs: jitter === undefined ? 0 : jitterOf(jitter, issues),
    startAt: startAt ?? null,
    endAt: endAt ?? null,
  };
  if ((cron === undefined) === (every === undefined))
    issues.push({ path: 'cron', message: 'or every says when it fires; give exactly one of them' });
  const zone = zoneOf(timeZone, issues);
  if (startAt && endAt && endAt <= startAt)
    issues.push({ path: 'endAt', message: `is ${endAt.toISOString()}, not after startAt` });
  if (cron !== undefined) checkCron(cron, zone, now, issues);
  return issues.length > 0 ? { issues } : { rules };
}

function checkCron(text: string, zone: Zone | undefined, now: number, issues: Issue[]): void {
  try {
    const cron = parseCron(text);
    if (zone && !nextFire(cron, zone, now))
      issues.push({
        path: 'cron',
        message: `is ${JSON.stringify(text)}, which never fires: no such day comes`,
      });
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    issues.push({ path: 'cron', message: error.message });
  }
}

function zoneOf(name: string, issues: Issue[]): Zone | undefined {
  try {
    return Zone.of(name);
  } catch (error) {
    if (!(error instanceof CronError)) throw error;
    issues.push({ path: 'timeZone', message: `${JSON.stringify(name)} ${error.message}` });
    return undefined;
  }
}

function everyOf(every: Duration, issues: Issue[]): number {
  const ms = parseDuration(every);
  if (ms !== undefined && ms >= SHORTEST_EVERY_MS && ms <= LONGEST_EVERY_MS) return ms;
  issues.push({ path: 'every', message: `is ${JSON.stringify(every)}; use 1s to 3650d, as "15m"` });
  return SHORTEST_EVERY_MS;
}

function jitterOf(jitter: Duration, issues: Issue[]): number {
  const ms = parseDuration(jitter);
  if (ms !== undefined && ms >= 0 && ms <= LONGEST_JITTER_MS) return ms;
  issues.push({ path: 'jitter', message: `is ${JSON.stringify(jitter)}; use 0s to 1d, as "30s"` });
  return 0;
}

function catchUpOf(catchUp: CatchUp, issues: Issue[]): CatchUp {
  if (catchUp === 'skip' || catchUp === 'latest') return catchUp;
  const { all } = catchUp;
  if (!(Number.isInteger(all) && all >= 1 && all <= MOST_CAUGHT_UP)) {
    issues.push({
      path: 'catchUp',
      message: `is ${JSON.stringify(catchUp)}; use "skip", "latest" or {"all": 1…${MOST_CAUGHT_UP}}`,
    });
  }
  return catchUp;
}

/** Answers the first fire after a moment; undefined when none is left. */
type FireSearch = (after: number) => Fire | undefined;

/** How the fires of this timing, in its zone, are found: its cron is read once. */
function searchOf(timing: Timing, zone: Zone): FireSearch {
  const { cron, everyMs, startAt, endAt } = timing;
  const find =
    everyMs === null ? cronSearch(cron ?? '', zone) : (after: number) => intervalFire(timing, everyMs, after);
  const from = (startAt?.getTime() ?? -Infinity) - 1;
  const last = Math.min(endAt?.getTime() ?? Infinity, LAST_FIRE_AT);
  return (after) => {
    const fire = find(Math.max(after, from));
    return fire && fire.at <= last ? fire : undefined;
  };
}

function cronSearch(text: string, zone: Zone): FireSearch {
  const cron = parseCron(text);
  return (after) => nextFire(cron, zone, after);
}

/** When it fires first after `after`; null when no fire is left. */
export function nextFireAt(timing: Timing, after: number): Date | null {
  const fire = searchOf(timing, Zone.of(timing.timeZone))(after);
  return fire ? new Date(fire.at) : null;
}

/**
 * Where a schedule goes on that is stored anew: an interval keeps its anchor, and a time that is due or was missed is still to be fired,
 * unless when it fires has changed, or a pause ends and so held it back.
 * @param known as it is stored; undefined for one that is new
 */
export function progressOf(
  given: ScheduleRules & { readonly isPaused?: boolean },
  known: ScheduleRow | undefined,
  now: number,
): { readonly anchorAt: Date; readonly nextFireAt: Date | null } {
  const anchorAt = known?.everyMs === given.everyMs ? known.anchorAt : new Date(now);
  const isResumed = known !== undefined && known.pausedAt !== null && given.isPaused === false;
  const keptAt = known && !isResumed && isSameTiming(known, given) ? known.nextFireAt : null;
  return { anchorAt, nextFireAt: keptAt ?? nextFireAt({ ...given, anchorAt }, now) };
}

function isSameTiming(one: ScheduleRules, other: ScheduleRules): boolean {
  return (
    one.cron === other.cron &&
    one.everyMs === other.everyMs &&
    one.timeZone === other.timeZone &&
    one.startAt?.getTime() === other.startAt?.getTime() &&
    one.endAt?.getTime() === other.endAt?.getTime()
  );
}

function intervalFire({ anchorAt, startAt }: Timing, everyMs: number, after: number): Fire {
  const anchor = (startAt ?? anchorAt).getTime();
  const passed = Math.floor((after - anchor) / everyMs) + 1;
  return { at: anchor + Math.max(startAt ? 0 : 1, passed) * everyMs };
}

/**
 * Which of the nominal times from `nextFireAt` to `now`, all not fired, are fired now, oldest first: every one that is on time, and of those
 * missed what the catch-up says.
 */
export function firesDue(timing: Timing, catchUp: CatchUp, nextFireAt: number, now: number): number[] {
  const last = Math.min(now, timing.endAt?.getTime() ?? Infinity);
  const onTimeFrom = Math.max(nextFireAt - 1, now - ON_TIME_MS - 1);
  const onTime = between(timing, onTimeFrom, last, Infinity);
  if (catchUp === 'skip' || onTimeFrom < nextFireAt) return onTime;
  const most = catchUp === 'latest' ? (onTime.length > 0 ? 0 : 1) : catchUp.all;
  return [...between(timing, nextFireAt - 1, onTimeFrom, most), ...onTime];
}

/** The last `most` fires in (`from`, `to`], oldest first. */
function between(timing: Timing, from: number, to: number, most: number): number[] {
  if (most < 1 || to <= from) return [];
  const { cron, everyMs, timeZone } = timing;
  if (everyMs === null)
    return lastFires(parseCron(cron ?? ''), Zone.of(timeZone), from, to, most).map(({ at }) => at);
  const first = intervalFire(timing, everyMs, from).at;
  const count = Math.floor((to - first) / everyMs) + 1;
  const taken = Math.max(0, Math.min(count, most));
  return Array.from({ length: taken }, (_, index) => first + (count - taken + index) * everyMs);
}

/** One line of a preview. */
export interface PreviewedFire {
  readonly fireAt: string;
  /** As the clocks of its zone show it. */
  readonly local: string;
  /** What a change of clocks does to it. */
  readonly note?: string;
}

/** The next `count` fires after `after`, with what daylight-saving time does to each. */
export function preview(timing: Timing, after: number, count: number): PreviewedFire[] {
  const zone = Zone.of(timing.timeZone);
  const found: PreviewedFire[] = [];
  const search = searchOf(timing, zone);
  let offset = zone.offsetAt(after);
  for (let fire = search(after); fire && found.length < count; fire = search(fire.at)) {
    const note = noteOf(fire, zone.offsetAt(fire.at) - offset);
    offset = zone.offsetAt(fire.at);
    found.push({
      fireAt: new Date(fire.at).toISOString(),
      local: zone.shown(fire.at),
      ...(note !== undefined && { note }),
    });
  }
  return found;
}

function noteOf({ change }: Fire, shiftMs: number): string | undefined {
  if (change === 'gap')
    return 'its local time is skipped that day, as clocks go forward; fires at the end of the gap';
  if (change === 'twice')
    return 'its local time comes twice that day, as clocks go back; fires the first time';
  if (shiftMs === 0) return undefined;
  return `clocks have gone ${shiftMs > 0 ? 'forward' : 'back'} by ${formatDuration(Math.abs(shiftMs))} since the fire before`;
}

/** A schedule as everyone outside sees it. Times are ISO 8601. */
export interface ScheduleView {
  readonly name: string;
  /** `code`: declared by `@Scheduled`; `api`: made over REST or the command line. */
  readonly source: 'code' | 'api';
  readonly cron: string | null;
  /** In ms. */
  readonly everyMs: number | null;
  readonly timeZone: string;
  readonly job: string;
  readonly payload: Json;
  readonly catchUp: CatchUp;
  readonly jitterMs: number;
  readonly startAt: string | null;
  readonly endAt: string | null;
  readonly paused: boolean;
  /** True for one from code that no process has in its code any more: it does not fire. */
  readonly orphaned: boolean;
  readonly lastFireAt: string | null;
  /** Null when it is paused, orphaned, or has no fire left. */
  readonly nextFireAt: string | null;
  /** Why its last fire could not be done yet; null when nothing is wrong. */
  readonly error: string | null;
}

/** A schedule as its row is read. */
export interface ScheduleRow extends ScheduleRules {
  readonly name: string;
  readonly source: 'code' | 'api';
  readonly job: string;
  readonly payload: Json;
  readonly anchorAt: Date;
  readonly pausedAt: Date | null;
  readonly orphanedAt: Date | null;
  readonly lastFireAt: Date | null;
  readonly nextFireAt: Date | null;
  readonly error: string | null;
}

/** The row as a view. */
export function scheduleViewOf(row: ScheduleRow): ScheduleView {
  const { name, source, cron, everyMs, timeZone, job, payload, catchUp, jitterMs, error } = row;
  const isAsleep = row.pausedAt !== null || row.orphanedAt !== null;
  return {
    name,
    source,
    cron,
    everyMs,
    timeZone,
    job,
    payload,
    catchUp,
    jitterMs,
    startAt: row.startAt?.toISOString() ?? null,
    endAt: row.endAt?.toISOString() ?? null,
    paused: row.pausedAt !== null,
    orphaned: row.orphanedAt !== null,
    lastFireAt: row.lastFireAt?.toISOString() ?? null,
    nextFireAt: isAsleep ? null : (row.nextFireAt?.toISOString() ?? null),
    error,
  };
}
