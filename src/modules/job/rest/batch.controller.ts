import { Body, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { BatchView } from '../batch.js';
import { BatchService } from '../batch.service.js';
import { JobRegistry } from '../job.registry.js';
import { LAST_ID } from '../repository/job-query.sql.js';
import { Answer } from './answer.js';
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
import { jobListQuery, type JobListQuery } from './job-list.dto.js';
import { JobLister, type JobList } from './job-lister.js';
import { RestController } from './rest-controller.decorator.js';

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
  async list(
    @Query(new CheckedBy(batchListQuery)) { filter, limit, cursor = LAST_ID }: BatchListQuery,
  ): Promise<{ readonly batches: readonly BatchView[]; readonly next: string | null }> {
    const found = await this.batches.list({ ...filter, before: cursor, limit: limit + 1 });
    const batches = found.slice(0, limit);
    return { batches, next: found.length > limit ? (batches.at(-1)?.id ?? null) : null };
  }

  @Get(':id')
  read(@Param('id') id: string): Promise<BatchView> {
    return this.batches.get(id);
  }

  @Get(':id/jobs')
  async members(
    @Param('id') id: string,
    @Query(new CheckedBy(jobListQuery)) query: JobListQuery,
  ): Promise<JobList> {
    const { id: batchId } = await this.batches.get(id);
    return this.lister.list({ ...query, filter: { ...query.filter, batchId } });
  }

  @Post(':id/jobs')
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
  @HttpCode(200)
  seal(@Param('id') id: string): Promise<BatchView> {
    return this.batches.seal(id);
  }

  @Post(':id/cancel')
  async cancel(@Param('id') id: string, @Res({ passthrough: true }) response: unknown): Promise<BatchView> {
    const { batch, isOver } = await this.batches.cancel(id);
    this.answer.status(response, isOver ? 200 : 202);
    return batch;
  }
}
