import { z } from 'zod';
import { defined, expects, requestTime } from '../../job/index.js';

const duration = (rule: string) => z.union([z.number(), z.string()], expects(rule));

/** A schedule as a request may ask for it. Only forms are checked here; what a cron or a zone may be is checked behind it. */
export const scheduleRequest = z
  .strictObject(
    {
      cron: z.string(expects('5 or 6 fields, as "0 2 * * *"')).optional(),
      every: duration('a number and a unit, as "15m"').optional(),
      timeZone: z.string(expects('the name of a zone, as "Europe/Berlin"')).optional(),
      job: z.string(expects('the name of a job type')),
      payload: z.unknown().optional(),
      catchUp: z
        .union(
          [z.literal('skip'), z.literal('latest'), z.strictObject({ all: z.number() })],
          expects('"skip", "latest" or {"all": n}'),
        )
        .optional(),
      jitter: duration('a number and a unit, as "30s"').optional(),
      startAt: requestTime().optional(),
      endAt: requestTime().optional(),
      paused: z.boolean(expects('true or false')).optional(),
    },
    expects('a JSON object, as {"cron": "0 2 * * *", "job": "example:job", "payload": {}}'),
  )
  .meta({ id: 'ScheduleRequest', description: 'A schedule as one asks for it' })
  .transform(defined);

/** A schedule as a request asked for it. */
export type RequestedSchedule = z.output<typeof scheduleRequest>;

const MOST_PREVIEWED = 1_000;
const DEFAULT_PREVIEWED = 10;
const countRule = expects(`a whole number from 1 to ${MOST_PREVIEWED}`);

/** The query of a preview. */
export const previewQuery = z
  .strictObject({
    n: z
      .string(countRule)
      .refine(
        (text) => /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_PREVIEWED,
        countRule,
      )
      .meta({
        type: 'integer',
        minimum: 1,
        maximum: MOST_PREVIEWED,
        default: DEFAULT_PREVIEWED,
        description: 'How many fires',
      })
      .transform(Number)
      .optional(),
  })
  .transform(({ n = DEFAULT_PREVIEWED }) => ({ count: n }));
