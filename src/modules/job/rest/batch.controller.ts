import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { z } from 'zod';
import { Needs } from '../../access/index.js';
import type { BatchView } from '../batch.js';
import { BatchService } from '../batch.service.js';
import { JobRegistry } from '../job.registry.js';
import { LAST_ID } from '../repository/job-query.sql.js';
import { Answer } from './answer.js';
import { batchAnswer, batchListAnswer, exampleBatch } from './batch-answers.dto.js';
import {
  batchListQuery,
  batchRequest,
  membersRequest,
  type BatchListQuery,
  type RequestedBatch,
  type RequestedMembers,
} from './batch-request.dto.js';
import { BodyLimit } from './body-limit.decorator.js';
import { LARGEST_BULK_BODY } from './bulk-body.js';
import { CheckedBy } from './checked-by.js';
import { exampleJob, idsAnswer, jobListAnswer } from './job-answers.dto.js';
import { jobListQuery, type JobListQuery } from './job-list.dto.js';
import { JobLister, type JobList } from './job-lister.js';
import { Describes } from './openapi/described.decorator.js';
import { RestController } from './rest-controller.decorator.js';

const params = { id: z.string().meta({ format: 'uuid', description: 'The id of a batch' }) };
const batch = (about: string) => ({ about, schema: batchAnswer, example: exampleBatch });

/** Batches of jobs: made, filled, sealed, canceled and looked at. */
@RestController('batch')
export class BatchController {
  constructor(
    private readonly batches: BatchService,
    private readonly registry: JobRegistry,
    private readonly lister: JobLister,
    private readonly answer: Answer,
  ) {}

  @Post()
  @Needs('operate')
  @Describes({
    tag: 'batches',
    summary: 'Make a batch with its members',
    about: 'Sealed at once unless it says `"open": true`. The same `key` answers the open batch that has it.',
    bodyExample: { name: 'example:job', items: [{ param: 'a' }, { param: 'b' }], key: 'night-2026-01-31' },
    answers: { 200: batch('The open batch of that key'), 201: batch('The batch is made') },
    errors: [
      'batch_sealed',
      'clock_skew',
      'duplicate_job',
      'invalid_payload',
      'no_such_batch',
      'unknown_job_name',
    ],
  })
  @BodyLimit(LARGEST_BULK_BODY)
  async create(
    @Body(new CheckedBy(batchRequest)) { name, members, options }: RequestedBatch,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<BatchView> {
    const { onComplete, ...rest } = options;
    const completion = onComplete && {
      type: this.registry.get(onComplete.name),
      ...(onComplete.payload && { payload: onComplete.payload }),
    };
    const made = await this.batches.create(this.registry.get(name), members, {
      ...rest,
      ...(completion && { onComplete: completion }),
    });
    this.answer.status(response, made.isRepeat ? 200 : 201);
    return this.batches.get(made.id);
  }

  @Get()
  @Needs('read')
  @Describes({
    tag: 'batches',
    summary: 'List batches, newest first',
    answers: {
      200: { about: 'A page', schema: batchListAnswer, example: { batches: [exampleBatch], next: null } },
    },
  })
  async list(
    @Query(new CheckedBy(batchListQuery)) { filter, limit, cursor = LAST_ID }: BatchListQuery,
  ): Promise<{ readonly batches: readonly BatchView[]; readonly next: string | null }> {
    const found = await this.batches.list({ ...filter, before: cursor, limit: limit + 1 });
    const batches = found.slice(0, limit);
    return { batches, next: found.length > limit ? (batches.at(-1)?.id ?? null) : null };
  }

  @Get(':id')
  @Needs('read')
  @Describes({
    tag: 'batches',
    summary: 'One batch with its counts',
    params,
    answers: { 200: batch('The batch') },
    errors: ['invalid_id', 'no_such_batch'],
  })
  read(@Param('id') id: string): Promise<BatchView> {
    return this.batches.get(id);
  }

  @Get(':id/jobs')
  @Needs('read')
  @Describes({
    tag: 'batches',
    summary: 'The members of a batch, a page at a time',
    params,
    answers: {
      200: { about: 'A page', schema: jobListAnswer, example: { jobs: [exampleJob], next: null } },
    },
    errors: ['invalid_cursor', 'invalid_id', 'no_such_batch'],
  })
  async members(
    @Param('id') id: string,
    @Query(new CheckedBy(jobListQuery)) query: JobListQuery,
  ): Promise<JobList> {
    const { id: batchId } = await this.batches.get(id);
    return this.lister.list({ ...query, filter: { ...query.filter, batchId } });
  }

  @Post(':id/jobs')
  @Needs('operate')
  @Describes({
    tag: 'batches',
    summary: 'Add members to an open batch',
    params,
    bodyExample: { items: [{ param: 'c' }] },
    answers: {
      201: { about: 'They are members', schema: idsAnswer, example: { ids: [exampleJob.id] } },
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
  @BodyLimit(LARGEST_BULK_BODY)
  async add(
    @Param('id') id: string,
    @Body(new CheckedBy(membersRequest)) { members, onDuplicate }: RequestedMembers,
  ): Promise<{ readonly ids: readonly string[] }> {
    const { name } = await this.batches.get(id);
    const batch = await this.batches.open(this.registry.get(name), id);
    return { ids: await batch.add(members, { onDuplicate }) };
  }

  @Post(':id/seal')
  @Needs('operate')
  @Describes({
    tag: 'batches',
    summary: 'Say that a batch has all its members',
    about: 'It completes when all have ended. A batch that is sealed stays as it is.',
    params,
    answers: { 200: batch('The batch as it is now') },
    errors: ['invalid_id', 'no_such_batch'],
  })
  @HttpCode(200)
  seal(@Param('id') id: string): Promise<BatchView> {
    return this.batches.seal(id);
  }

  @Post(':id/cancel')
  @Needs('operate')
  @Describes({
    tag: 'batches',
    summary: 'Cancel a batch and its members',
    params,
    answers: {
      200: batch('It is canceled, and every member has ended'),
      202: batch('It is canceled; some members are still ending'),
    },
    errors: ['already_finished', 'invalid_id', 'no_such_batch'],
  })
  async cancel(@Param('id') id: string, @Res({ passthrough: true }) response: unknown): Promise<BatchView> {
    const { batch, isOver } = await this.batches.cancel(id);
    this.answer.status(response, isOver ? 200 : 202);
    return batch;
  }
}
