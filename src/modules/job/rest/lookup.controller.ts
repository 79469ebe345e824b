import { Get, Param, Query, Res } from '@nestjs/common';
import { z } from 'zod';
import { parseDuration } from '../../../kernel/durations.js';
import type { JobView } from '../job-view.js';
import type { JobState } from '../state-machine.js';
import { untilClosed } from './answer.js';
import { CheckedBy, expects } from './checked-by.js';
import { JobLister, type JobList } from './job-lister.js';
import { jobListQuery, type JobListQuery } from './job-list.dto.js';
import { JobLookup, type JobLog } from './job-lookup.js';
import { RestController } from './rest-controller.decorator.js';

/** Longest wait of one request: proxies in between commonly end a silent one after a minute. */
const LONGEST_WAIT_MS = 60_000;

const waitRule = expects('0 to 60s: milliseconds, or a number and a unit such as "30s"');
const statusQuery = z.strictObject({
  wait: z
    .string(waitRule)
    .transform((text) => parseDuration(/^\d+$/.test(text) ? Number(text) : text) ?? -1)
    .refine((ms) => ms >= 0 && ms <= LONGEST_WAIT_MS, {
      error: 'is no wait; use 0 to 60s: milliseconds, or a number and a unit such as "30s"',
    })
    .optional(),
});

/** Answers for jobs. */
@RestController('job')
export class LookupController {
  constructor(
    private readonly lister: JobLister,
    private readonly lookup: JobLookup,
  ) {}

  @Get('all')
  list(@Query(new CheckedBy(jobListQuery)) query: JobListQuery): Promise<JobList> {
    return this.lister.list(query);
  }

  @Get(':id')
  job(@Param('id') id: string): Promise<JobView> {
    return this.lookup.job(id);
  }

  @Get(':id/status')
  status(
    @Param('id') id: string,
    @Query(new CheckedBy(statusQuery)) { wait = 0 }: z.output<typeof statusQuery>,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ readonly id: string; readonly status: JobState }> {
    return this.lookup.status(id, wait, untilClosed(response));
  }

  @Get(':id/log')
  log(@Param('id') id: string): Promise<JobLog> {
    return this.lookup.log(id);
  }
}
