import { SimpleGrid, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { historyQuery, queuesQuery, workersQuery } from '../api/queries.js';
import type { History, Queue, QueueHistory, Worker } from '../api/types.js';
import { FirstJob } from '../parts/first-job.js';
import { MinuteChart } from '../parts/minute-chart.js';
import { PageHead } from '../parts/page-head.js';
import { Panel } from '../parts/panel.js';
import { QueryView } from '../parts/query-view.js';
import { QueueTable } from '../parts/queue-table.js';
import { Stat } from '../parts/stat.js';
import { countText } from '../text/count-text.js';
import { AttentionPanel } from './overview/attention-panel.js';
import { WorkerLine } from './overview/worker-line.js';

/** What is wrong, at the top; then how much waits, runs and fails, and who does the work. */
export function OverviewPage(): ReactElement {
  const queues = useQuery(queuesQuery);
  const history = useQuery(historyQuery);
  const workers = useQuery(workersQuery);
  return (
    <Stack gap="md">
      <PageHead title="Overview" />
      <AttentionPanel />
      <Figures queues={queues.data?.queues} history={history.data} workers={workers.data?.workers} />
      <Panel title="Last hour" actions={<Legend />} isPadded>
        <QueryView query={history} lines={4}>
          {({ from, queues: series }) => <MinuteChart series={sumOf(series)} from={from} height={120} />}
        </QueryView>
      </Panel>
      <Panel title="Queues">
        <QueryView query={queues}>
          {({ queues: all }) =>
            all.length === 0 ? (
              <FirstJob lead="There has been no job yet." />
            ) : (
              <QueueTable queues={all} history={history.data} />
            )
          }
        </QueryView>
      </Panel>
      <Panel title="Workers">
        <QueryView query={workers} lines={1}>
          {({ workers: all }) => <WorkerLine workers={all} />}
        </QueryView>
      </Panel>
    </Stack>
  );
}

function Legend(): ReactElement {
  return (
    <div className="legend">
      <span className="tip-done">done</span>
      <span className="tip-failed">failed</span>
      <span className="tip-enqueued">enqueued</span>
    </div>
  );
}

function Figures({
  queues,
  history,
  workers,
}: {
  readonly queues: readonly Queue[] | undefined;
  readonly history: History | undefined;
  readonly workers: readonly Worker[] | undefined;
}): ReactElement {
  const hour = history && sumOf(history.queues);
  const failed = hour && total(hour.failed);
  const slots = (which: 'busy' | 'slots'): string => figure(workers?.map((worker) => worker[which]));
  return (
    <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }} spacing="sm">
      <Stat label="Waiting">{figure(queues?.map((queue) => queue.waiting))}</Stat>
      <Stat label="Executing">{figure(queues?.map((queue) => queue.executing))}</Stat>
      <Stat label="Done in the last hour">{figure(hour?.done)}</Stat>
      <Stat label="Failed in the last hour" isBad={failed !== undefined && failed > 0}>
        {figure(hour?.failed)}
      </Stat>
      <Stat label="Workers alive" isBad={workers?.length === 0}>
        {figure(workers?.map(() => 1))}
      </Stat>
      <Stat label="Slots busy">{workers === undefined ? '–' : `${slots('busy')} / ${slots('slots')}`}</Stat>
    </SimpleGrid>
  );
}

/** A sum to be read; a dash as long as nothing is known. */
const figure = (values: readonly number[] | undefined): string =>
  values === undefined ? '–' : countText(total(values));

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** All queues as one. */
function sumOf(series: readonly QueueHistory[]): Pick<QueueHistory, 'enqueued' | 'done' | 'failed'> {
  const length = Math.max(60, ...series.map(({ done }) => done.length));
  const summed = (of: (queue: QueueHistory) => readonly number[]): number[] =>
    Array.from({ length }, (_, minute) => series.reduce((sum, queue) => sum + (of(queue)[minute] ?? 0), 0));
  return {
    enqueued: summed((queue) => queue.enqueued),
    done: summed((queue) => queue.done),
    failed: summed((queue) => queue.failed),
  };
}
