import { Body, HttpCode, Param, Post, Res } from '@nestjs/common';
import { JobService } from '../job.service.js';
import type { JobState } from '../state-machine.js';
import { Answer } from './answer.js';
import { BodyLimit } from './body-limit.decorator.js';
import { bulkChange, type BulkChangeRequest } from './bulk-change.dto.js';
import { BulkChanger, type BulkCancel, type BulkChange } from './bulk-changer.js';
import { CheckedBy } from './checked-by.js';
import { RestController } from './rest-controller.decorator.js';

/** Ids of ten thousand jobs, and room around them. */
const LARGEST_BODY = 1024 * 1024;

/** Cancels and retries jobs. */
@RestController('job')
export class ChangeController {
  constructor(
    private readonly jobs: JobService,
    private readonly bulk: BulkChanger,
    private readonly answer: Answer,
  ) {}

  @Post('cancel')
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
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  retryMany(@Body(new CheckedBy(bulkChange)) request: BulkChangeRequest): Promise<BulkChange> {
    return this.bulk.retry(request);
  }

  @Post(':id/cancel')
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
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  async retry(@Param('id') id: string): Promise<{ readonly id: string; readonly status: JobState }> {
    await this.jobs.retry(id);
    return { id: id.toLowerCase(), status: 'waiting' };
  }
}
