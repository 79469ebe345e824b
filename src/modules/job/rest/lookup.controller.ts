import { Get, Param, Query, Res } from '@nestjs/common';
import { z } from 'zod';
import { durationFromText, parseDuration } from '../../../kernel/durations.js';
import { Needs } from '../../access/index.js';
import type { JobView } from '../job-view.js';
import type { JobState } from '../state-machine.js';
import { untilClosed } from './answer.js';
import { CheckedBy, expects } from './checked-by.js';
import { exampleJob, jobAnswer, jobListAnswer, jobLogAnswer, jobStateAnswer } from './job-answers.dto.js';
import { JobLister, type JobList } from './job-lister.js';
import { jobListQuery, type JobListQuery } from './job-list.dto.js';
import { JobLookup, type JobLog } from './job-lookup.js';
import { Describes } from './openapi/described.decorator.js';
import { RestController } from './rest-controller.decorator.js';

/** Longest wait of one request: proxies in between commonly end a silent one after a minute. */
const LONGEST_WAIT_MS = 60_000;

const waitRule = expects('0 to 60s: milliseconds, or a number and a unit such as "30s"');
const statusQuery = z.strictObject({
  wait: z
    .string(waitRule)
    .refine((text) => waitMs(text) <= LONGEST_WAIT_MS, waitRule)
    .transform(waitMs)
    .optional()
    .meta({ description: 'How long to wait for the job to end: 0 to 60s', examples: ['30s'] }),
});

function waitMs(text: string): number {
  return parseDuration(durationFromText(text)) ?? Infinity;
}

/** Answers for jobs. */
@RestController('job')
export class LookupController {
  constructor(
    private readonly lister: JobLister,
    private readonly lookup: JobLookup,
  ) {}

  @Get('all')
  @Needs('read')
  @Describes({
    tag: 'jobs',
    summary: 'List jobs, a page at a time',
    about:
      'Newest first; failed and canceled ones newest finished first. A page ends early at 8 MiB, and where no index serves the filter ' +
      'after 100,000 rows: then it has `scannedTo`, and may hold no job at all while `next` leads on.',
    answers: {
      200: { about: 'A page', schema: jobListAnswer, example: { jobs: [exampleJob], next: null } },
    },
    errors: ['invalid_cursor'],
  })
  list(@Query(new CheckedBy(jobListQuery)) query: JobListQuery): Promise<JobList> {
    return this.lister.list(query);
  }

  @Get(':id')
  @Needs('read')
  @Describes({
    tag: 'jobs',
    summary: 'One job in full',
    answers: { 200: { about: 'The job', schema: jobAnswer, example: exampleJob } },
    errors: ['invalid_id', 'no_such_job'],
  })
  job(@Param('id') id: string): Promise<JobView> {
    return this.lookup.job(id);
  }

  @Get(':id/status')
  @Needs('read')
  @Describes({
    tag: 'jobs',
    summary: "A job's state, at once or when it has ended",
    about:
      'With `wait` it answers when the job has ended, or with the state it then has when the time is up.',
    answers: {
      200: {
        about: 'Its state',
        schema: jobStateAnswer,
        example: { id: exampleJob.id, status: 'done' },
      },
    },
    errors: ['invalid_id', 'no_such_job'],
  })
  status(
    @Param('id') id: string,
    @Query(new CheckedBy(statusQuery)) { wait = 0 }: z.output<typeof statusQuery>,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ readonly id: string; readonly status: JobState }> {
    return this.lookup.status(id, wait, untilClosed(response));
  }

  @Get(':id/log')
  @Needs('read')
  @Describes({
    tag: 'jobs',
    summary: 'What its handler wrote',
    about: 'At most 1,000 lines, oldest first. Lines arrive up to a second late.',
    answers: {
      200: {
        about: 'Its log',
        schema: jobLogAnswer,
        example: {
          id: exampleJob.id,
          lines: [{ run: 1, line: 1, at: '2026-01-31T03:00:00.839Z', message: 'hello, you' }],
        },
      },
    },
    errors: ['invalid_id', 'no_such_job'],
  })
  log(@Param('id') id: string): Promise<JobLog> {
    return this.lookup.log(id);
  }
}
