import { Text } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import type { HistoryEntry, Job } from '../../api/types.js';
import { CopyId } from '../../parts/copy-id.js';
import { TimeAgo } from '../../parts/time-ago.js';
import { durationText } from '../../text/duration-text.js';

/** What the outcome of a run means, for who has not read the glossary. */
const MEANINGS: Readonly<Record<HistoryEntry['outcome'], string>> = {
  failed: 'failed',
  canceled: 'was canceled',
  snoozed: 'asked to be run again later; not charged',
  interrupted: 'was interrupted by a shutdown; not charged',
  lost: 'was lost: its worker died or lost contact',
};

/** A job's life from the top down: made, each run with its worker and outcome, the end. */
export function RunTimeline({ job }: { readonly job: Job }): ReactElement {
  const told = job.history.length;
  const first = job.history[0]?.run ?? job.run;
  return (
    <ol className="timeline">
      <Moment tone="quiet" title="Made">
        <TimeAgo at={job.createdAt} />
      </Moment>
      {told > 0 && first > 1 && (
        <Moment tone="quiet" title={`${first - 1} earlier runs are no longer kept`} />
      )}
      {job.history.map((entry) => (
        <Run key={entry.run} entry={entry} />
      ))}
      <Now job={job} />
    </ol>
  );
}

function Moment({
  tone,
  title,
  children,
}: {
  readonly tone: 'quiet' | 'good' | 'bad' | 'running';
  readonly title: ReactNode;
  readonly children?: ReactNode;
}): ReactElement {
  return (
    <li data-tone={tone}>
      <div className="moment-title">{title}</div>
      {children !== undefined && <div className="under">{children}</div>}
    </li>
  );
}

function Run({ entry }: { readonly entry: HistoryEntry }): ReactElement {
  const { run, attempt, outcome, worker, startedAt, endedAt, error } = entry;
  const isBad = outcome === 'failed' || outcome === 'lost';
  const title = `Run ${run}${attempt === run ? '' : ` (attempt ${attempt})`} ${MEANINGS[outcome]}`;
  return (
    <Moment tone={isBad ? 'bad' : 'quiet'} title={title}>
      <TimeAgo at={endedAt} />
      {startedAt !== null && <> after {durationText(Date.parse(endedAt) - Date.parse(startedAt))}</>}
      {worker !== null && (
        <>
          {' '}
          by <CopyId id={worker} />
        </>
      )}
      {error && (
        <div className="run-error">
          <strong>{error.code === undefined ? error.message : `${error.code}: ${error.message}`}</strong>
          {error.stack !== undefined && (
            <details>
              <summary>Stack</summary>
              <pre tabIndex={0}>{error.stack}</pre>
            </details>
          )}
        </div>
      )}
    </Moment>
  );
}

/** The moment the job is at. */
function Now({ job }: { readonly job: Job }): ReactElement | null {
  const { status, startedAt, finishedAt, workerId, dueAt, run, history } = job;
  switch (status) {
    case 'waiting':
      return (
        <Moment tone="running" title={history.length > 0 ? 'Waits to run again' : 'Waits to run'}>
          {dueAt !== null && (
            <>
              due <TimeAgo at={dueAt} />
            </>
          )}
        </Moment>
      );
    case 'executing':
      return (
        <Moment tone="running" title={`Run ${run} goes on`}>
          {startedAt !== null && (
            <>
              since <TimeAgo at={startedAt} />
            </>
          )}
          {workerId !== null && (
            <>
              {' '}
              by <CopyId id={workerId} />
            </>
          )}
        </Moment>
      );
    case 'done':
      return (
        <Moment tone="good" title={`Run ${run} succeeded`}>
          {finishedAt !== null && <TimeAgo at={finishedAt} />}
          {finishedAt !== null && startedAt !== null && (
            <> after {durationText(Date.parse(finishedAt) - Date.parse(startedAt))}</>
          )}
          {workerId !== null && (
            <>
              {' '}
              by <CopyId id={workerId} />
            </>
          )}
        </Moment>
      );
    case 'failed':
    case 'canceled':
      return (
        <Moment
          tone={status === 'failed' ? 'bad' : 'quiet'}
          title={status === 'failed' ? 'Failed for good' : 'Canceled'}
        >
          {finishedAt !== null && <TimeAgo at={finishedAt} />}
          {status === 'failed' && (
            <Text size="sm" span>
              {' '}
              · retry it once the cause is gone
            </Text>
          )}
        </Moment>
      );
  }
}
