import { Body, Headers, Post, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { withinTraceOf } from '../../../kernel/tracing.js';
import { JobService } from '../job.service.js';
import { LARGEST_JOB_BODY, invalidRequest } from '../job-preparer.js';
import type { JobState } from '../state-machine.js';
import { Answer } from './answer.js';
import { BodyLimit } from './body-limit.decorator.js';
import { LARGEST_BULK_BODY, entriesOfArray, entriesOfLines } from './bulk-body.js';
import { BulkEnqueuer } from './bulk-enqueuer.js';
import { CheckedBy, expects } from './checked-by.js';
import { jobRequest, type RequestedJob } from './job-request.dto.js';
import { isNdjson } from './json-only.js';
import { RestController } from './rest-controller.decorator.js';

const bulkQuery = z.strictObject({
  onDuplicate: z.enum(['fail', 'skip'], expects('fail or skip')).default('fail'),
});

interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Takes jobs. */
@RestController('job')
export class EnqueueController {
  constructor(
    private readonly jobs: JobService,
    private readonly bulk: BulkEnqueuer,
    private readonly answer: Answer,
  ) {}

  @Post()
  @BodyLimit(LARGEST_JOB_BODY)
  async enqueue(
    @Body(new CheckedBy(jobRequest)) { name, payload, options }: RequestedJob,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() request: Request,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<{ readonly id: string; readonly status: JobState }> {
    const keyed = { ...options, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    const { id, status, isRepeat } = await withinTraceOf(request.headers, () =>
      this.jobs.enqueueByName(name, payload, keyed),
    );
    this.answer.location(request, response, id);
    this.answer.status(response, isRepeat ? 200 : 201);
    return { id, status };
  }

  @Post('bulk')
  @BodyLimit(LARGEST_BULK_BODY, { takesLines: true })
  async enqueueBulk(
    @Query(new CheckedBy(bulkQuery)) { onDuplicate }: z.output<typeof bulkQuery>,
    @Req() request: Request,
    @Body() body: unknown,
  ): Promise<{ readonly ids: readonly string[] }> {
    if (request.headers['idempotency-key'] !== undefined) {
      throw invalidRequest([
        {
          path: 'Idempotency-Key',
          message: 'is for single jobs; give jobs an objectId where their type knows duplicates',
        },
      ]);
    }
    // Express leaves a body it has no parser for in the request; Fastify hands it on as a stream.
    const entries = isNdjson(request) ? await entriesOfLines(body ?? request) : entriesOfArray(body);
    return { ids: await withinTraceOf(request.headers, () => this.bulk.enqueue(entries, onDuplicate)) };
  }
}
