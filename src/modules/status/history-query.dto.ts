import { z } from 'zod';
import { expects } from '../job/index.js';
import { MOST_MINUTES } from './queue-history.js';

const DEFAULT_MINUTES = 60;
const rule = expects(`a whole number from 1 to ${MOST_MINUTES}`);

/** The query of a history. */
export const historyQuery = z
  .strictObject({
    minutes: z
      .string(rule)
      .refine((text) => /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_MINUTES, rule)
      .meta({
        type: 'integer',
        minimum: 1,
        maximum: MOST_MINUTES,
        default: DEFAULT_MINUTES,
        description: 'How many, back from now',
      })
      .transform(Number)
      .optional(),
  })
  .transform(({ minutes = DEFAULT_MINUTES }) => ({ minutes }));

export type HistoryQuery = z.output<typeof historyQuery>;
