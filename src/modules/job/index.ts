export { announceCompleted, type AnnouncerParts } from './announce-completed.js';
export { batchStates, batchViewOf, type BatchState, type BatchView, type NewBatch } from './batch.js';
export type { BatchOptions, OnComplete } from './batch-options.js';
export { BatchService, type Batch } from './batch.service.js';
export type { BirthClaim, BirthClaimer } from './birth-claim.js';
export type { ClaimedJob } from './claimed-job.js';
export { countsOf, type Counts } from './counts.js';
export { databaseError } from './database-error.js';
export {
  AbortReason,
  Snooze,
  type AbortCause,
  type ErrorVerdict,
  type Handler,
  type JobContext,
} from './handler.js';
export { JobEndings, type JobEnding } from './job-endings.js';
export { JobEnqueuer } from './job-enqueuer.js';
export { JobHandler, isHandlerClass } from './job-handler.decorator.js';
export {
  JobPreparer,
  LARGEST_JOB_BODY,
  MAX_JSON_BYTES,
  invalidRequest,
  type JobRequest,
} from './job-preparer.js';
export {
  defineJob,
  fromStoredTimeoutMs,
  isTimeoutMs,
  type Dedupe,
  type JobOptions,
  type JobType,
  type JobTypeDefinition,
  type OnTimeout,
  type Payload,
  type PayloadInput,
  type Prepared,
} from './job-type.js';
export { JobTypeList } from './job.explorer.js';
export { JobModule } from './job.module.js';
export { JobRegistry } from './job.registry.js';
export { withoutSecrets } from './secret-fields.js';
export type { EnqueueItem, EnqueueManyOptions, EnqueueOptions, EnqueuedJob } from './enqueue-options.js';
export { JobService, assertId, noSuchJob } from './job.service.js';
export type { JobView } from './job-view.js';
export type { NewJob } from './new-job.js';
export { observeBatches, type BatchObserver } from './observe-batches.js';
export { LONGEST_RUN_OF_JOBS, offerTickets } from './offer-tickets.js';
export * from './partition.js';
export { Partitions } from './partitions.js';
export { queueSettingsView, type QueueSettingsView } from './queue-settings-view.js';
export { Queues } from './queues.js';
export * from './repository/batch.repository.js';
export * from './repository/control.repository.js';
export * from './repository/counter.repository.js';
export { insertKeyedJobs } from './repository/enqueue.repository.js';
export * from './repository/key.repository.js';
export * from './repository/lease.repository.js';
export * from './repository/open-jobs.repository.js';
export * from './repository/query.js';
export * from './repository/queue.repository.js';
export { endDay, type DayEnd } from './repository/day-end.js';
export * from './repository/old-days.repository.js';
export { deleteOldRows } from './repository/old-rows.repository.js';
export * from './repository/run.repository.js';
export { MOST_LOG_LINES } from './repository/run.sql.js';
export { backoffMs, defaultRetryPolicy, type RetryPolicy } from './retry-policy.js';
export * from './run-result.js';
export * from './state-machine.js';
export * from './repository/look.repository.js';
export * from './repository/job-query.repository.js';
export { jobsAhead } from './repository/jobs-ahead.repository.js';
export * from './repository/open-walk.repository.js';
export type { JobPlace, WalkLimits, WalkRange, WalkStep } from './repository/walk-step.js';
export { Answer } from './rest/answer.js';
export { BodyLimit } from './rest/body-limit.decorator.js';
export { CheckedBy, expects } from './rest/checked-by.js';
export { requestTime } from './rest/request-time.js';
export { defined } from './rest/defined.js';
export { queueSettingsAnswer } from './rest/job-answers.dto.js';
export { answerOf, count, isoTime, listOf, uuid, type Wire } from './rest/openapi/answer-of.js';
export { Describes, type RouteDescription } from './rest/openapi/described.decorator.js';
export { openApiDocument, type OpenApiDocument } from './rest/openapi/document.js';
export { OpenApiModule } from './rest/openapi/openapi.module.js';
export { JobRestModule } from './rest/job-rest.module.js';
export { ProblemFilter } from './rest/problem.filter.js';
export { RestController } from './rest/rest-controller.decorator.js';
export { JobRpcModule } from './rpc/job-rpc.module.js';
export { STATUS_TOTALS, type TotalsSource } from './rpc/totals-source.js';
export { protectServer } from './rest/protect-server.js';
export { answerClientError } from './rest/client-errors.js';
export { answerFrameworkError } from './rest/framework-errors.js';
