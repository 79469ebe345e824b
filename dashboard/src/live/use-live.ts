import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useMatch } from 'react-router';
import { apiRoot } from '../api/client.js';
import { batchQuery, jobQuery, queuesQuery } from '../api/queries.js';
import type { Batch, Job, Queue } from '../api/types.js';
import { live } from './refresh.js';

/** Requests that follow events are made at most once in this time, in ms, however many events there are. */
const CALM_MS = 5_000;

/** After a stream was refused, as during a restart, it is asked for again so much later, in ms; twice as late after each further refusal. */
const AGAIN_MS = 5_000;
const LATEST_AGAIN_MS = 60_000;

/**
 * Keeps the page up to date by the server's events: of the job or the batch that is looked at, else of all queues and workers. One stream a tab,
 * none while it is hidden. While there is no stream the page asks by itself.
 */
export function useLive(): void {
  const client = useQueryClient();
  const job = useMatch('/jobs/:id')?.params.id;
  const batch = useMatch('/batches/:id')?.params.id;
  const query = job !== undefined ? `jobId=${job}` : batch !== undefined ? `batchId=${batch}` : '';
  useEffect(() => {
    let close = document.hidden ? undefined : listen(query, client);
    const change = (): void => {
      close?.();
      close = document.hidden ? undefined : listen(query, client);
    };
    document.addEventListener('visibilitychange', change);
    return () => {
      document.removeEventListener('visibilitychange', change);
      close?.();
    };
  }, [client, query]);
}

/**
 * Listens until the function returned is called. After a connection that breaks the browser connects again by itself; after an answer that is no
 * stream it does not, and this does.
 */
function listen(query: string, client: QueryClient): () => void {
  let again: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = AGAIN_MS;
  let close = connect();
  return () => {
    clearTimeout(again);
    close();
  };

  function connect(): () => void {
    return hear(query, client, {
      onOpen: () => (pauseMs = AGAIN_MS),
      onRefused: () => {
        again = setTimeout(() => {
          close();
          close = connect();
        }, pauseMs);
        pauseMs = Math.min(pauseMs * 2, LATEST_AGAIN_MS);
      },
    });
  }
}

/** What an event tells of a job. */
type JobStep = Pick<Job, 'id' | 'status' | 'run'> & Partial<Pick<Job, 'attempt' | 'progress'>>;

/** One stream, until the function returned is called. */
function hear(
  query: string,
  client: QueryClient,
  { onOpen, onRefused }: { readonly onOpen: () => void; readonly onRefused: () => void },
): () => void {
  const source = new EventSource(new URL(`events?${query}`, apiRoot));
  const calmly = calm((queryKey) => void client.invalidateQueries({ queryKey }));
  source.onopen = () => {
    live.set(true);
    onOpen();
  };
  source.onerror = () => {
    live.set(false);
    if (source.readyState === EventSource.CLOSED) onRefused();
  };
  on<Queue>(source, 'queue', (queue) => {
    client.setQueryData(queuesQuery.queryKey, (known) => known && withQueue(known, queue));
    calmly.ask('attention');
  });
  on(source, 'workers', () => calmly.ask('worker'));
  on<JobStep>(source, 'job', (step) => {
    const { queryKey } = jobQuery(step.id);
    const known = client.getQueryData(queryKey);
    client.setQueryData(queryKey, (job) => job && { ...job, ...step });
    // Progress alone may come every second, and the whole job with its log may be large.
    if (known?.status === step.status && known.run === step.run) calmly.ask('job');
    else void client.invalidateQueries({ queryKey });
  });
  on<Batch>(source, 'batch', (batch) => client.setQueryData(batchQuery(batch.id).queryKey, batch));
  return () => {
    source.close();
    calmly.stop();
    live.set(false);
  };
}

function on<Data>(source: EventSource, name: string, listener: (data: Data) => void): void {
  source.addEventListener(name, ({ data }: MessageEvent<string>) => listener(JSON.parse(data) as Data));
}

/** The queues with that one as it is now. */
function withQueue(known: { readonly queues: Queue[] }, queue: Queue): { queues: Queue[] } {
  const isKnown = known.queues.some(({ name }) => name === queue.name);
  const queues = known.queues.map((one) => (one.name === queue.name ? queue : one));
  return { queues: isKnown ? queues : [...queues, queue] };
}

/** Asks for each thing once after it was told of, and not again before some time has passed. */
function calm(ask: (queryKey: string[]) => void): { ask(what: string): void; stop(): void } {
  const waiting = new Map<string, ReturnType<typeof setTimeout>>();
  return {
    ask: (what) => {
      if (waiting.has(what)) return;
      const timer = setTimeout(() => {
        waiting.delete(what);
        ask([what]);
      }, CALM_MS);
      waiting.set(what, timer);
    },
    stop: () => {
      for (const timer of waiting.values()) clearTimeout(timer);
    },
  };
}
