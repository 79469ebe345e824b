import { Body, HttpCode, Param, Post, Res } from '@nestjs/common';
import { Needs } from '../../access/index.js';
import { JobService } from '../job.service.js';
import type { JobState } from '../state-machine.js';
import { Answer } from './answer.js';
import { BodyLimit } from './body-limit.decorator.js';
import { bulkChange, type BulkChangeRequest } from './bulk-change.dto.js';
import { BulkChanger, type BulkCancel, type BulkChange } from './bulk-changer.js';
import { CheckedBy } from './checked-by.js';
import { bulkCancelAnswer, bulkChangeAnswer, exampleJob, jobStateAnswer } from './job-answers.dto.js';
import { Describes } from './openapi/described.decorator.js';
import { RestController } from './rest-controller.decorator.js';

/** Ids of ten thousand jobs, and room around them. */
const LARGEST_BODY = 1024 * 1024;

const matched = { matched: 2, changed: 2, more: false, next: null };
const FILTERED =
  'By filter, or by `ids`. A body that names nothing is refused unless it says `"all": true`. One request changes at most 10,000 jobs; ' +
  'while `more` is true, send it again with `cursor` set to `next`.';

/** Cancels and retries jobs. */
@RestController('job')
export class ChangeController {
  constructor(
    private readonly jobs: JobService,
    private readonly bulk: BulkChanger,
    private readonly answer: Answer,
  ) {}

  @Post('cancel')
  @Needs('operate')
  @Describes({
    tag: 'jobs',
    summary: 'Cancel many jobs',
    about: FILTERED,
    bodyExample: { queue: 'mail', status: 'waiting' },
    answers: {
      200: {
        about: 'All of those changed are canceled',
        schema: bulkCancelAnswer,
        example: { ...matched, executing: 0 },
      },
      202: {
        about: 'Some of them execute until their worker has stopped them',
        schema: bulkCancelAnswer,
        example: { ...matched, executing: 1 },
      },
    },
    errors: ['invalid_cursor'],
  })
  @BodyLimit(LARGEST_BODY)
  async cancelMany(
    @Body(new CheckedBy(bulkChange)) request: BulkChangeRequest,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<BulkCancel> {
    const change = await this.bulk.cancel(request);
    this.answer.status(response, change.executing > 0 ? 202 : 200);
    return change;
  }

  @Post('retry')
  @Needs('operate')
  @Describes({
    tag: 'jobs',
    summary: 'Retry many failed and canceled jobs',
    about: FILTERED,
    bodyExample: { status: 'failed', queue: 'mail', dryRun: true },
    answers: {
      200: { about: 'What was changed', schema: bulkChangeAnswer, example: matched },
    },
    errors: ['invalid_cursor'],
  })
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  retryMany(@Body(new CheckedBy(bulkChange)) request: BulkChangeRequest): Promise<BulkChange> {
    return this.bulk.retry(request);
  }

  @Post(':id/cancel')
  @Needs('operate')
  @Describes({
    tag: 'jobs',
    summary: 'Cancel a job',
    answers: {
      200: {
        about: 'It is canceled',
        schema: jobStateAnswer,
        example: { id: exampleJob.id, status: 'canceled' },
      },
      202: {
        about:
          'It is told to stop, and is canceled when its handler has ended; one that finishes first ends done',
        schema: jobStateAnswer,
        example: { id: exampleJob.id, status: 'executing' },
      },
    },
    errors: ['already_finished', 'invalid_id', 'no_such_job'],
  })
  @BodyLimit(LARGEST_BODY)
  async cancel(
    @Param('id') id: string,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ readonly id: string; readonly status: JobState }> {
    const status = await this.jobs.cancel(id);
    this.answer.status(response, status === 'executing' ? 202 : 200);
    return { id: id.toLowerCase(), status };
  }

  @Post(':id/retry')
  @Needs('operate')
  @Describes({
    tag: 'jobs',
    summary: 'Retry a failed or canceled job',
    about: 'It runs at once with all its attempts before it. Its history stays.',
    answers: {
      200: {
        about: 'It waits',
        schema: jobStateAnswer,
        example: { id: exampleJob.id, status: 'waiting' },
      },
    },
    errors: ['duplicate_job', 'expired', 'invalid_id', 'no_such_job', 'not_retryable'],
  })
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  async retry(@Param('id') id: string): Promise<{ readonly id: string; readonly status: JobState }> {
    await this.jobs.retry(id);
    return { id: id.toLowerCase(), status: 'waiting' };
  }
}
