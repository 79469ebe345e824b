import type { components, paths } from './schema.js';

/** The API's answers by the names the page has for them; what they hold is read from the OpenAPI document. Times are ISO 8601. */
type Schemas = components['schemas'];

export type Job = Schemas['Job'];
export type JobState = Job['status'];
export type HistoryEntry = Job['history'][number];
export type Queue = Schemas['Queue'];
export type QueueSettings = Schemas['QueueSettings'];
export type QueueSettingsRequest = Schemas['QueueSettingsRequest'];
export type Worker = Schemas['Worker'];
export type QueueHistory = Schemas['QueueHistory'];
export type History = Schemas['History'];
export type AttentionItem = Schemas['AttentionItem'];
export type Schedule = Schemas['Schedule'];
export type ScheduleFire = Schemas['ScheduleWithFires']['fires'][number];
export type JobRequest = Schemas['JobRequest'];
export type ScheduleRequest = Schemas['ScheduleRequest'];
export type Batch = Schemas['Batch'];
export type BatchState = Batch['status'];

/** What many jobs are changed by, and what came of it. */
export type BulkBody = NonNullable<
  paths['/job/cancel']['post']['requestBody']
>['content']['application/json'];
export type BulkChange = Schemas['BulkChange'];

/** Which jobs are meant; what is absent is any. */
export type JobFilter = Omit<
  NonNullable<paths['/job/all']['get']['parameters']['query']>,
  'limit' | 'cursor'
>;

export const jobStates = [
  'waiting',
  'executing',
  'done',
  'failed',
  'canceled',
] as const satisfies readonly JobState[];
export const batchStates = [
  'open',
  'running',
  'complete',
  'canceled',
] as const satisfies readonly BatchState[];
