import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { invalidRequest } from '../job-preparer.js';
import { JobService } from '../job.service.js';
import { expects, readBy } from '../rest/checked-by.js';
import { jobRequest } from '../rest/job-request.dto.js';
import { JobLookup } from '../rest/job-lookup.js';
import { STATUS_TOTALS, type TotalsSource } from './totals-source.js';

/** The requests there are, each on the subject of its name. */
export const requestNames = ['jobs.create', 'jobs.status', 'jobs.cancel'] as const;
export type RequestName = (typeof requestNames)[number];

const id = z.string(expects('the id of a job'));
const statusRequest = z.strictObject(
  { id: id.optional() },
  expects('nothing for the totals, or the id of a job, as {"id": "…"}'),
);
const cancelRequest = z.strictObject({ id }, expects('a JSON object, as {"id": "…"}'));

/** A status is read once, not waited for. */
const NEVER = new AbortController().signal;

/** Answers requests as the REST API answers theirs: the same checks, the same errors. */
@Injectable()
export class JobRequests {
  constructor(
    private readonly jobs: JobService,
    private readonly lookup: JobLookup,
    @Inject(STATUS_TOTALS) private readonly totals: TotalsSource,
  ) {}

  /** Throws as the REST API does. `idempotencyKey` is of `jobs.create`, as the header of `POST /job`. */
  async answer(name: RequestName, data: unknown, idempotencyKey?: string): Promise<object> {
    switch (name) {
      case 'jobs.create':
        return this.create(data, idempotencyKey);
      case 'jobs.status':
        return this.status(data);
      case 'jobs.cancel':
        return this.cancel(data);
    }
  }

  private async create(data: unknown, idempotencyKey: string | undefined): Promise<object> {
    const { name, payload, options } = checked(jobRequest, data);
    const keyed = { ...options, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    return { id: (await this.jobs.enqueueByName(name, payload, keyed)).id };
  }

  private async status(data: unknown): Promise<object> {
    // What clients send that have nothing to say.
    const isNothing = data === undefined || data === null || data === '';
    const { id: wanted } = isNothing ? {} : checked(statusRequest, data);
    return wanted === undefined ? this.totals.status() : this.lookup.status(wanted, 0, NEVER);
  }

  private async cancel(data: unknown): Promise<object> {
    const { id: wanted } = checked(cancelRequest, data);
    const status = await this.jobs.cancel(wanted);
    return { id: wanted.toLowerCase(), status };
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const reading = readBy(schema, data);
  if ('issues' in reading) throw invalidRequest(reading.issues);
  return reading.value;
}
