import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { refresh } from '../live/refresh.js';
import { request, type Params } from './request.js';
import type {
  AttentionItem,
  Batch,
  BatchPage,
  History,
  Job,
  JobLog,
  JobPage,
  JobWaiting,
  PreviewedFire,
  Queue,
  Schedule,
  ScheduleFire,
  Status,
  Worker,
} from './types.js';

/** What needs attention first. */
export const attentionQuery = queryOptions({
  queryKey: ['attention'],
  queryFn: ({ signal }) => request<{ items: AttentionItem[] }>('GET', 'attention', { signal }),
  refetchInterval: refresh.attention,
});

/** Every queue with its depth, age and rates. */
export const queuesQuery = queryOptions({
  queryKey: ['queue'],
  queryFn: ({ signal }) => request<{ queues: Queue[] }>('GET', 'queue', { signal }),
  refetchInterval: refresh.queues,
});

/** The last hour of every queue, minute by minute. */
export const historyQuery = queryOptions({
  queryKey: ['history'],
  queryFn: ({ signal }) => request<History>('GET', 'queue/history', { params: { minutes: 60 }, signal }),
  refetchInterval: refresh.history,
});

/** The workers that live. */
export const workersQuery = queryOptions({
  queryKey: ['worker'],
  queryFn: ({ signal }) => request<{ workers: Worker[] }>('GET', 'worker', { signal }),
  refetchInterval: refresh.workers,
});

/** Totals, and the job types nobody serves. */
export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => request<Status>('GET', 'status', { signal }),
  refetchInterval: refresh.queues,
});

/** One job. An ended one is asked for seldom: only a retry by hand changes it. */
export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id],
    queryFn: ({ signal }) => request<Job>('GET', `job/${id}`, { signal }),
    refetchInterval: ({ state }) => (isOpen(state.data) ? refresh.job : refresh.jobs),
  });

/** Why it waits. */
export const waitingQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id, 'waiting'],
    queryFn: ({ signal }) => request<JobWaiting>('GET', `job/${id}/waiting`, { signal }),
    refetchInterval: refresh.queues,
  });

/** What its handler has logged. */
export const logQuery = (id: string, isRunning: boolean) =>
  queryOptions({
    queryKey: ['job', id, 'log'],
    queryFn: ({ signal }) => request<JobLog>('GET', `job/${id}/log`, { signal }),
    refetchInterval: isRunning && refresh.job,
  });

/** Jobs of a filter, a page at a time. Only the first page is kept up to date: whoever reads on wants what was there. */
export const jobsQuery = (path: string, filter: Params) =>
  infiniteQueryOptions({
    queryKey: ['jobs', path, filter],
    queryFn: ({ pageParam, signal }) =>
      request<JobPage>('GET', path, { params: { ...filter, limit: 50, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 ? refresh.jobs : false),
  });

/** Every schedule. */
export const schedulesQuery = queryOptions({
  queryKey: ['schedule'],
  queryFn: ({ signal }) => request<{ schedules: Schedule[] }>('GET', 'schedule', { signal }),
  refetchInterval: refresh.schedules,
});

/** One schedule with its last fires. */
export const scheduleQuery = (name: string) =>
  queryOptions({
    queryKey: ['schedule', name],
    queryFn: ({ signal }) =>
      request<Schedule & { fires: ScheduleFire[] }>('GET', `schedule/${encodeURIComponent(name)}`, {
        signal,
      }),
    refetchInterval: refresh.schedules,
  });

/** Its next fires. */
export const previewQuery = (name: string) =>
  queryOptions({
    queryKey: ['schedule', name, 'preview'],
    queryFn: ({ signal }) =>
      request<{ fires: PreviewedFire[] }>('GET', `schedule/${encodeURIComponent(name)}/preview`, {
        params: { n: 10 },
        signal,
      }),
    refetchInterval: refresh.schedules,
  });

/** Batches, newest first, a page at a time. */
export const batchesQuery = (status: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['batches', status],
    queryFn: ({ pageParam, signal }) =>
      request<BatchPage>('GET', 'batch', { params: { status, limit: 50, cursor: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 ? refresh.batches : false),
  });

/** One batch. */
export const batchQuery = (id: string) =>
  queryOptions({
    queryKey: ['batch', id],
    queryFn: ({ signal }) => request<Batch>('GET', `batch/${id}`, { signal }),
    refetchInterval: ({ state }) =>
      state.data && state.data.completedAt !== null ? refresh.batches : refresh.job,
  });

function isOpen(job: Job | undefined): boolean {
  return job?.status === 'waiting' || job?.status === 'executing';
}
