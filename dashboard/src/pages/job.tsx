import { Anchor, Group, Progress, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { jobQuery } from '../api/queries.js';
import type { Job } from '../api/types.js';
import { CopyId } from '../parts/copy-id.js';
import { Facts } from '../parts/facts.js';
import { JsonView } from '../parts/json-view.js';
import { PageHead } from '../parts/page-head.js';
import { Panel } from '../parts/panel.js';
import { QueryView } from '../parts/query-view.js';
import { StateBadge } from '../parts/state-badge.js';
import { Tag } from '../parts/tag.js';
import { TimeAgo } from '../parts/time-ago.js';
import { durationText } from '../text/duration-text.js';
import { progressOf } from '../text/progress-of.js';
import { JobActions } from './job/job-actions.js';
import { JobLogPanel } from './job/job-log-panel.js';
import { RunTimeline } from './job/run-timeline.js';
import { WaitingPanel } from './job/waiting-panel.js';

/** All there is to know of one job: why it waits, what each run came to, what went in and what came out. */
export function JobPage(): ReactElement {
  const { id = '' } = useParams();
  const query = useQuery(jobQuery(id));
  return (
    <Stack gap="md">
      <PageHead title={query.data?.name ?? 'Job'} lead={<CopyId id={id} isFull />}>
        {query.data && (
          <>
            <StateBadge state={query.data.status} />
            {isStopping(query.data) && <Tag tone="wait">told to stop</Tag>}
            <JobActions job={query.data} />
          </>
        )}
      </PageHead>
      <QueryView query={query} lines={8}>
        {(job) => <Whole job={job} />}
      </QueryView>
    </Stack>
  );
}

/** Whether a cancel has been asked for that its handler has not yet answered. */
function isStopping({ status, cancelRequestedAt }: Job): boolean {
  return status === 'executing' && cancelRequestedAt !== null;
}

function Whole({ job }: { readonly job: Job }): ReactElement {
  return (
    <Stack gap="md">
      {job.status === 'waiting' && <WaitingPanel id={job.id} />}
      {job.status === 'executing' && <ProgressPanel job={job} />}
      <div className="two-columns">
        <Stack gap="md">
          <Panel title="What happened" isPadded>
            <RunTimeline job={job} />
          </Panel>
          {job.status === 'done' && (
            <Panel title="Result" isPadded>
              <JsonView value={job.result} label="the result" />
            </Panel>
          )}
          <Panel title="Payload" isPadded>
            <JsonView value={job.payload} label="the payload" />
          </Panel>
          <JobLogPanel id={job.id} isRunning={job.status === 'executing'} />
        </Stack>
        <div>
          <Panel title="Facts" isPadded>
            <JobFacts job={job} />
          </Panel>
        </div>
      </div>
    </Stack>
  );
}

function ProgressPanel({ job }: { readonly job: Job }): ReactElement | null {
  const progress = progressOf(job);
  if (!progress) return null;
  const { fraction, note } = progress;
  return (
    <Panel title="Progress" isPadded>
      <Group gap="md" wrap="nowrap">
        <Progress value={fraction * 100} size="lg" flex={1} aria-label="Progress" />
        <Text fw={600} className="quiet-number">
          {Math.round(fraction * 100)} %
        </Text>
      </Group>
      {note !== undefined && (
        <Text size="sm" mt="xs">
          {note}
        </Text>
      )}
    </Panel>
  );
}

function JobFacts({ job }: { readonly job: Job }): ReactElement {
  const link = (to: string, text: string): ReactElement => (
    <Anchor component={Link} to={to}>
      {text}
    </Anchor>
  );
  return (
    <Facts
      facts={[
        ['Queue', link(`/jobs?queue=${job.queue}`, job.queue)],
        ['Lane', job.lane],
        ['Attempts', `${job.attempt} of ${job.maxAttempts}`],
        ['Runs', job.run === job.attempt ? null : String(job.run)],
        ['About', job.objectId && link(`/jobs?objectId=${encodeURIComponent(job.objectId)}`, job.objectId)],
        ['Batch', job.batchId && link(`/batches/${job.batchId}`, `…${job.batchId.slice(-8)}`)],
        ['Schedule', job.schedule && link(`/schedules/${encodeURIComponent(job.schedule)}`, job.schedule)],
        ['Repeats', job.retryOf && link(`/jobs/${job.retryOf}`, `…${job.retryOf.slice(-8)}`)],
        ['Worker', job.workerId && <CopyId id={job.workerId} />],
        ['Timeout', timeoutText(job.timeoutMs)],
        ['Made', <TimeAgo key="made" at={job.createdAt} />],
        ['Due', job.dueAt && <TimeAgo at={job.dueAt} />],
        ['Started', job.startedAt && <TimeAgo at={job.startedAt} />],
        ['Cancel asked', job.cancelRequestedAt && <TimeAgo at={job.cancelRequestedAt} />],
        ['Ended', job.finishedAt && <TimeAgo at={job.finishedAt} />],
      ]}
    />
  );
}

function timeoutText(timeoutMs: number | null): string {
  if (timeoutMs === null) return 'as its type or queue has it';
  return timeoutMs === 0 ? 'none' : durationText(timeoutMs);
}
