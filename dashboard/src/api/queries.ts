import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { refresh } from '../live/refresh.js';
import { answered, api } from './client.js';
import type { BatchState, Job, JobFilter } from './types.js';

/** Rows of a page of a list. */
const PAGE = 50;

/** Who one is to this server. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => answered(api.GET('/session', { signal })),
  staleTime: 60_000,
});

/** What needs attention first. */
export const attentionQuery = queryOptions({
  queryKey: ['attention'],
  queryFn: ({ signal }) => answered(api.GET('/attention', { signal })),
  refetchInterval: () => refresh('attention'),
});

/** Every queue with its depth, age and rates. */
export const queuesQuery = queryOptions({
  queryKey: ['queue'],
  queryFn: ({ signal }) => answered(api.GET('/queue', { signal })),
  refetchInterval: () => refresh('queues'),
});

/** The last hour of every queue, minute by minute. */
export const historyQuery = queryOptions({
  queryKey: ['history'],
  queryFn: ({ signal }) =>
    answered(api.GET('/queue/history', { params: { query: { minutes: 60 } }, signal })),
  refetchInterval: () => refresh('history'),
});

/** The workers that live. */
export const workersQuery = queryOptions({
  queryKey: ['worker'],
  queryFn: ({ signal }) => answered(api.GET('/worker', { signal })),
  refetchInterval: () => refresh('workers'),
});

/** One job. An ended one is asked for seldom: only a retry by hand changes it. */
export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id],
    queryFn: ({ signal }) => answered(api.GET('/job/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => refresh(isOpen(state.data) ? 'job' : 'jobs'),
  });

/** Why it waits. */
export const waitingQuery = (id: string) =>
  queryOptions({
    queryKey: ['job', id, 'waiting'],
    queryFn: ({ signal }) => answered(api.GET('/job/{id}/waiting', { params: { path: { id } }, signal })),
    refetchInterval: () => refresh('queues'),
  });

/** What its handler has logged. */
export const logQuery = (id: string, isRunning: boolean) =>
  queryOptions({
    queryKey: ['job', id, 'log'],
    queryFn: ({ signal }) => answered(api.GET('/job/{id}/log', { params: { path: { id } }, signal })),
    refetchInterval: () => isRunning && refresh('job'),
  });

/**
 * Jobs of a filter, a page at a time. The first page alone is kept up to date: whoever reads on wants what was there, and gets all pages anew only
 * after an act.
 */
export const jobsQuery = (filter: JobFilter) =>
  infiniteQueryOptions({
    queryKey: ['jobs', filter],
    queryFn: ({ pageParam, signal }) => {
      const query = { ...filter, limit: PAGE, ...(pageParam !== undefined && { cursor: pageParam }) };
      return answered(api.GET('/job/all', { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => isFirstPageAlone(query) && refresh('jobs'),
    refetchOnWindowFocus: isFirstPageAlone,
    refetchOnReconnect: isFirstPageAlone,
  });

/** Every schedule. */
export const schedulesQuery = queryOptions({
  queryKey: ['schedule'],
  queryFn: ({ signal }) => answered(api.GET('/schedule', { signal })),
  refetchInterval: () => refresh('schedules'),
});

/** One schedule with its last fires. */
export const scheduleQuery = (name: string) =>
  queryOptions({
    queryKey: ['schedule', name],
    queryFn: ({ signal }) => answered(api.GET('/schedule/{name}', { params: { path: { name } }, signal })),
    refetchInterval: () => refresh('schedules'),
  });

/** Its next fires. */
export const previewQuery = (name: string) =>
  queryOptions({
    queryKey: ['schedule', name, 'preview'],
    queryFn: ({ signal }) =>
      answered(api.GET('/schedule/{name}/preview', { params: { path: { name }, query: { n: 10 } }, signal })),
    refetchInterval: () => refresh('schedules'),
  });

/** Batches, newest first, a page at a time. */
export const batchesQuery = (status: BatchState | undefined) =>
  infiniteQueryOptions({
    queryKey: ['batches', status],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: PAGE,
        ...(status !== undefined && { status }),
        ...(pageParam !== undefined && { cursor: pageParam }),
      };
      return answered(api.GET('/batch', { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    refetchInterval: (query) => isFirstPageAlone(query) && refresh('batches'),
    refetchOnWindowFocus: isFirstPageAlone,
    refetchOnReconnect: isFirstPageAlone,
  });

/** One batch. */
export const batchQuery = (id: string) =>
  queryOptions({
    queryKey: ['batch', id],
    queryFn: ({ signal }) => answered(api.GET('/batch/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) =>
      refresh(state.data && state.data.completedAt !== null ? 'batches' : 'job'),
  });

function isOpen(job: Job | undefined): boolean {
  return job?.status === 'waiting' || job?.status === 'executing';
}

/** True of a list of which nobody has read on, or that is not there yet. */
function isFirstPageAlone({ state }: { readonly state: { readonly data?: unknown } }): boolean {
  const known = state.data as { readonly pages: readonly unknown[] } | undefined;
  return known === undefined || known.pages.length === 1;
}
