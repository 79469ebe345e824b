import { Body, Headers, Post, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { withinTraceOf } from '../../../kernel/tracing.js';
import { Needs } from '../../access/index.js';
import { JobService } from '../job.service.js';
import { LARGEST_JOB_BODY, invalidRequest } from '../job-preparer.js';
import type { JobState } from '../state-machine.js';
import { Answer } from './answer.js';
import { BodyLimit } from './body-limit.decorator.js';
import { LARGEST_BULK_BODY, MOST_BULK_JOBS, entriesOfArray, entriesOfLines } from './bulk-body.js';
import { BulkEnqueuer } from './bulk-enqueuer.js';
import { CheckedBy, expects } from './checked-by.js';
import { exampleJob, idsAnswer, jobStateAnswer } from './job-answers.dto.js';
import { jobRequest, type RequestedJob } from './job-request.dto.js';
import { NDJSON, isNdjson } from './json-only.js';
import { Describes } from './openapi/described.decorator.js';
import { RestController } from './rest-controller.decorator.js';

const bulkQuery = z.strictObject({
  onDuplicate: z
    .enum(['fail', 'skip'], expects('fail or skip'))
    .default('fail')
    .meta({ description: 'Whether a duplicate refuses all jobs, or is left out' }),
});

interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

const exampleRequest = { name: 'example:job', payload: { param: 'hello' }, delay: '30s' };
const exampleState = { id: exampleJob.id, status: 'waiting' };

/** Takes jobs. */
@RestController('job')
export class EnqueueController {
  constructor(
    private readonly jobs: JobService,
    private readonly bulk: BulkEnqueuer,
    private readonly answer: Answer,
  ) {}

  @Post()
  @Needs('operate')
  @Describes({
    tag: 'jobs',
    summary: 'Enqueue a job',
    about: 'Answered when the job is durable.',
    headers: {
      'Idempotency-Key': z.string().min(1).max(255).meta({
        description: 'Remembered for 24 hours: the same request again is answered with the first job',
      }),
    },
    bodyExample: exampleRequest,
    answers: {
      200: {
        about: 'The Idempotency-Key was seen before: the first job, as it was answered then',
        schema: jobStateAnswer,
        example: exampleState,
        headers: { Location: 'Path of the job' },
      },
      201: {
        about: 'The job is stored',
        schema: jobStateAnswer,
        example: exampleState,
        headers: { Location: 'Path of the job' },
      },
    },
    errors: [
      'batch_sealed',
      'clock_skew',
      'duplicate_job',
      'invalid_id',
      'invalid_payload',
      'no_such_batch',
      'unknown_job_name',
    ],
  })
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
  @Needs('operate')
  @Describes({
    tag: 'jobs',
    summary: 'Enqueue up to 10,000 jobs in one transaction',
    about:
      'All or none. What is wrong with any of them is answered at once, each with its index and, where there are lines, its line.',
    bodies: {
      'application/json': {
        schema: z.array(jobRequest).max(MOST_BULK_JOBS),
        example: [exampleRequest],
      },
      [NDJSON]: { schema: z.string(), example: `${JSON.stringify(exampleRequest)}\n` },
    },
    answers: {
      201: {
        about:
          'All are stored; with onDuplicate=skip, the place of a duplicate holds the id of the job it met',
        schema: idsAnswer,
        example: { ids: [exampleJob.id] },
      },
    },
    errors: [
      'batch_sealed',
      'clock_skew',
      'duplicate_job',
      'invalid_id',
      'invalid_payload',
      'no_such_batch',
      'unknown_job_name',
    ],
  })
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
