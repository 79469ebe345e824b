import { Body, Controller, Get, Headers, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import {
  AccessGuard,
  JobService,
  Needs,
  RookeryError,
  type Issue,
  type JobState,
  type JobView,
} from '../../index.js';
import { ObjectAnnouncer } from './object-announcer.js';
import { ObjectJob } from './object-job.js';
import { ObjectRefusal, ObjectRefusalFilter } from './object-refusal.filter.js';

type ObjectStatus = 'processing' | 'finished' | 'cancelled';

interface ObjectAnswer {
  readonly message: {
    readonly job_id: string;
    readonly object_id: string | null;
    readonly status: ObjectStatus;
    /** Since when it has that status, ISO 8601. */
    readonly timestamp: string;
  };
}

/**
 * The two root routes of `object`. They match a single segment that no other route names, because a router prefers a fixed
 * segment to a parameter.
 */
@Controller()
@UseGuards(AccessGuard)
@UseFilters(ObjectRefusalFilter)
export class ObjectController {
  constructor(
    private readonly jobs: JobService,
    private readonly announcer: ObjectAnnouncer,
  ) {}

  @Post()
  @Needs('operate')
  async start(
    @Body() body: unknown,
    @Headers('content-type') contentType?: string,
  ): Promise<{ readonly message: { readonly job_id: string } }> {
    // A page that somebody merely visits may send forms and plain text anywhere, but no JSON.
    if (contentType !== undefined && !/^application\/json\b/i.test(contentType)) {
      throw new ObjectRefusal('send the object_id as JSON, with the header Content-Type: application/json');
    }
    try {
      const { id } = await this.jobs.enqueueByName(ObjectJob.name, body ?? {});
      this.announcer.announce('created', id, objectIdOf(body));
      return { message: { job_id: id } };
    } catch (error) {
      throw refusalOf(error);
    }
  }

  @Get(':job_id')
  @Needs('read')
  async read(@Param('job_id') id: string): Promise<ObjectAnswer> {
    const job = await this.find(id);
    if (job?.name !== ObjectJob.name) throw new ObjectRefusal(`no job with id: ${id}`);
    return {
      message: {
        job_id: job.id,
        object_id: job.objectId,
        status: statusOf(job.status),
        timestamp: job.finishedAt ?? job.createdAt,
      },
    };
  }

  private async find(id: string): Promise<JobView | undefined> {
    try {
      return await this.jobs.find(id);
    } catch (error) {
      if (error instanceof RookeryError && error.code === 'invalid_id') return undefined;
      throw refusalOf(error);
    }
  }
}

/** Of a body that the schema has accepted. */
function objectIdOf(body: unknown): string {
  return (body as { readonly object_id: string }).object_id;
}

function statusOf(status: JobState): ObjectStatus {
  switch (status) {
    case 'waiting':
    case 'executing':
      return 'processing';
    case 'done':
      return 'finished';
    case 'failed':
    case 'canceled':
      return 'cancelled';
  }
}

/** What the caller did wrong, in these routes' words; any other error as it is. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof RookeryError)) return error;
  switch (error.code) {
    case 'duplicate_job':
      return new ObjectRefusal('you need to wait 5 minutes before rerunning the same job');
    case 'invalid_payload':
    case 'invalid_request':
      return new ObjectRefusal(messageOf(error));
    case 'database_unavailable':
    case 'overloaded':
    case 'shutting_down':
      return new ObjectRefusal(error.message, 503, { cause: error });
    default:
      return error;
  }
}

/** Each bad field with what is wrong with it, named as the caller wrote it. */
function messageOf({ message, details }: RookeryError): string {
  const { issues } = details as { readonly issues?: readonly Issue[] };
  if (!issues) return message;
  return issues
    .map((issue) => `${issue.path.replace(/^payload\.?/, '') || 'body'}: ${issue.message}`)
    .join('; ');
}
