/** The public surface of Rookery as a library. What is not named here may change without notice. */
export {
  CONFIG,
  defineConfig,
  hasApi,
  hasDashboard,
  loadConfig,
  type EntryName,
  type RookeryConfig,
  type RookerySettings,
} from './config/index.js';
export { RookeryError, type ErrorCode, type Issue } from './kernel/errors.js';
export { currentRun, type CurrentRun } from './kernel/current-run.js';
export { Lifecycle, type ShutdownPhase } from './kernel/lifecycle.js';
export { Retirement } from './kernel/retirement.js';
export { CLOCK, type Clock } from './kernel/clock.js';
export type { Duration } from './kernel/durations.js';
export {
  AbortReason,
  BatchService,
  answerClientError,
  answerFrameworkError,
  protectServer,
  JobHandler,
  JobService,
  ProblemFilter,
  Snooze,
  defineJob,
  type AbortCause,
  type Batch,
  type BatchOptions,
  type BatchView,
  type Counts,
  type Dedupe,
  type EnqueueItem,
  type EnqueueManyOptions,
  type EnqueueOptions,
  type EnqueuedJob,
  type ErrorVerdict,
  type Handler,
  type JobContext,
  type JobOptions,
  type JobState,
  type JobType,
  type JobTypeDefinition,
  type JobView,
  type OnComplete,
  type OnTimeout,
  type Payload,
  type PayloadInput,
} from './modules/job/index.js';
export {
  Scheduled,
  type CatchUp,
  type ScheduleDefinition,
  type ScheduledOptions,
} from './modules/scheduler/index.js';
export { AccessGuard, Needs, type Need } from './modules/access/index.js';
export { PUBLISHER, type Publisher } from './modules/transport/index.js';
export { RookeryModule, type RookeryOptions } from './rookery.module.js';
