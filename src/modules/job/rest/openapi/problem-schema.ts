import { z } from 'zod';

const issue = z.looseObject({
  path: z
    .string()
    .meta({ description: 'Dotted, as `payload.to` or `[3].delay`; empty or `body` for the whole' }),
  message: z.string(),
});

/** An error, RFC 9457: what `Problem` is in code. Which other members there are depends on its code. */
export const problemSchema = z
  .looseObject({
    type: z.string().meta({ description: '`urn:rookery:problem:` and the code' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z
      .string()
      .meta({ description: 'What was wrong with which value and how to put it right; for people' }),
    code: z.string().meta({ description: 'What to act on. A code never changes its meaning' }),
    instance: z
      .string()
      .optional()
      .meta({ description: 'Names one occurrence of an unexpected error, under which the log tells more' }),
    retryAfter: z
      .number()
      .optional()
      .meta({ description: 'When to try again, in seconds; also the header Retry-After' }),
    issues: z.array(issue).optional().meta({ description: 'Every bad field' }),
  })
  .meta({
    id: 'Problem',
    description: 'An error, as RFC 9457 has it',
    examples: [
      {
        type: 'urn:rookery:problem:no_such_job',
        title: 'There is no such job',
        status: 404,
        detail: 'there is no job with the id 01a2032b-446a-7000-a9ed-1f3052fea691',
        code: 'no_such_job',
        id: '01a2032b-446a-7000-a9ed-1f3052fea691',
      },
    ],
  });
