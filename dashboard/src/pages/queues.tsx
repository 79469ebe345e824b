import { Anchor, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import { historyQuery, queuesQuery, workersQuery } from '../api/queries.js';
import type { History, Queue, Worker } from '../api/types.js';
import { Facts } from '../parts/facts.js';
import { FirstJob } from '../parts/first-job.js';
import { MinuteChart } from '../parts/minute-chart.js';
import { PageHead } from '../parts/page-head.js';
import { PauseButton } from '../parts/pause-button.js';
import { QueryView } from '../parts/query-view.js';
import { TimeAgo } from '../parts/time-ago.js';
import { countText } from '../text/count-text.js';
import { durationText } from '../text/duration-text.js';
import { queueSettingsText } from '../text/queue-settings-text.js';
import { slotsOf, type QueueSlots } from '../text/slots-of.js';
import { SettingsButton } from './queues/settings-button.js';
import { Tag } from '../parts/tag.js';

/** Every queue with its figures, its hour, and the slots its workers have for it. */
export function QueuesPage(): ReactElement {
  const queues = useQuery(queuesQuery);
  const history = useQuery(historyQuery);
  const workers = useQuery(workersQuery);
  return (
    <Stack gap="md">
      <PageHead
        title="Queues"
        lead="Pausing keeps jobs from starting, in every process; what runs goes on."
      />
      <QueryView query={queues} lines={6}>
        {({ queues: all }) =>
          all.length === 0 ? (
            <div className="panel">
              <FirstJob lead="A queue is there as soon as it had a job." />
            </div>
          ) : (
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
              {all.map((queue) => (
                <QueueCard
                  key={queue.name}
                  queue={queue}
                  history={history.data}
                  workers={workers.data?.workers ?? []}
                />
              ))}
            </SimpleGrid>
          )
        }
      </QueryView>
    </Stack>
  );
}

function QueueCard({
  queue,
  history,
  workers,
}: {
  readonly queue: Queue;
  readonly history: History | undefined;
  readonly workers: readonly Worker[];
}): ReactElement {
  const { name, paused, pausedAt, waiting, executing, oldestWaitingMs, perMinute } = queue;
  const series = history?.queues.find((one) => one.name === name);
  const jobs = (status: string, count: number): ReactElement | string =>
    count === 0 ? (
      '0'
    ) : (
      <Anchor component={Link} to={`/jobs?queue=${name}&status=${status}`} inherit>
        {countText(count)}
      </Anchor>
    );
  return (
    <section className="panel" aria-label={`Queue ${name}`}>
      <div className="panel-head">
        <Group gap="xs">
          <Anchor component={Link} to={`/jobs?queue=${name}`} className="row-link">
            {name}
          </Anchor>
          {paused && <Tag tone="wait">paused</Tag>}
          {pausedAt !== null && (
            <Text size="sm" c="dimmed">
              <TimeAgo at={pausedAt} />
            </Text>
          )}
        </Group>
        <Group gap="xs">
          <SettingsButton queue={queue} />
          <PauseButton queue={name} isPaused={paused} />
        </Group>
      </div>
      <div className="panel-body">
        {series && history && <MinuteChart series={series} from={history.from} height={64} />}
        <Facts
          facts={[
            ['Waiting', jobs('waiting', waiting)],
            ['Oldest waiting', oldestWaitingMs === null ? '–' : durationText(oldestWaitingMs)],
            ['Executing', jobs('executing', executing)],
            ['Enqueued / min', countText(perMinute.enqueued)],
            ['Done / min', countText(perMinute.done)],
            ['Failed / min', countText(perMinute.failed)],
            ['Done in all', jobs('done', queue.done)],
            ['Failed in all', jobs('failed', queue.failed)],
            ...slotFacts(name, workers),
            ['Set by hand', queueSettingsText(queue.settings) ?? 'nothing'],
          ]}
        />
      </div>
    </section>
  );
}

/** What the workers' settings come to for this queue: each worker may have its own. */
function slotFacts(queue: string, workers: readonly Worker[]): (readonly [string, string])[] {
  const serving = workers.flatMap((worker) =>
    worker.queues.includes(queue) ? [slotsOf(worker, queue)] : [],
  );
  const sum = (of: (slots: QueueSlots) => number): number =>
    serving.reduce((total, slots) => total + of(slots), 0);
  if (serving.length === 0) return [['Workers', 'none serves it']];
  return [
    ['Workers', String(serving.length)],
    ['Slots (concurrency)', `${sum((slots) => slots.busy)} of ${sum((slots) => slots.concurrency)} busy`],
    [
      'Slots for retries',
      `${sum((slots) => slots.retryBusy)} of ${sum((slots) => slots.retryConcurrency)} busy`,
    ],
  ];
}
