import { Anchor, Group, Table } from '@mantine/core';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import type { History, Queue, QueueHistory } from '../api/types.js';
import { countText } from '../text/count-text.js';
import { durationText } from '../text/duration-text.js';
import { MinuteChart } from './minute-chart.js';
import { PauseButton } from './pause-button.js';
import { Tag } from './tag.js';

/** Queues with what waits, how long, and how their last hour went; those in trouble first. */
export function QueueTable({
  queues,
  history,
}: {
  readonly queues: readonly Queue[];
  readonly history: History | undefined;
}): ReactElement {
  const sorted = [...queues].sort(byTrouble);
  return (
    <Table className="cards" verticalSpacing="xs" highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Queue</Table.Th>
          <Table.Th className="numeric">Waiting</Table.Th>
          <Table.Th className="numeric">Oldest</Table.Th>
          <Table.Th className="numeric">Executing</Table.Th>
          <Table.Th className="numeric">Done / min</Table.Th>
          <Table.Th className="numeric">Failed / min</Table.Th>
          <Table.Th w="28%">Last hour</Table.Th>
          <Table.Th aria-label="Actions" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sorted.map((queue) => (
          <Row
            key={queue.name}
            queue={queue}
            series={history?.queues.find(({ name }) => name === queue.name)}
            from={history?.from}
          />
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** What waits longest first, then what fails, then what is busy; a queue without any of it last. */
function byTrouble(a: Queue, b: Queue): number {
  return (
    (b.oldestWaitingMs ?? -1) - (a.oldestWaitingMs ?? -1) ||
    b.perMinute.failed - a.perMinute.failed ||
    b.perMinute.done - a.perMinute.done ||
    a.name.localeCompare(b.name)
  );
}

function Row({
  queue: { name, paused, waiting, executing, oldestWaitingMs, perMinute },
  series,
  from,
}: {
  readonly queue: Queue;
  readonly series: QueueHistory | undefined;
  readonly from: string | undefined;
}): ReactElement {
  const jobs = (status: string): string => `/jobs?queue=${name}&status=${status}`;
  return (
    <Table.Tr>
      <Table.Td className="card-title">
        <Group gap="xs" wrap="nowrap">
          <Anchor component={Link} to={`/jobs?queue=${name}`} className="row-link">
            {name}
          </Anchor>
          {paused && <Tag tone="wait">paused</Tag>}
        </Group>
      </Table.Td>
      <Table.Td className="numeric" data-label="Waiting">
        <Figure value={waiting} to={jobs('waiting')} />
      </Table.Td>
      <Table.Td className="numeric" data-label="Oldest waiting">
        {oldestWaitingMs === null ? '–' : durationText(oldestWaitingMs)}
      </Table.Td>
      <Table.Td className="numeric" data-label="Executing">
        <Figure value={executing} to={jobs('executing')} />
      </Table.Td>
      <Table.Td className="numeric" data-label="Done / min">
        {countText(perMinute.done)}
      </Table.Td>
      <Table.Td className="numeric" data-label="Failed / min">
        <Figure value={perMinute.failed} to={jobs('failed')} isBad />
      </Table.Td>
      <Table.Td className="card-wide">
        {series && from !== undefined && <MinuteChart series={series} from={from} height={32} />}
      </Table.Td>
      <Table.Td className="numeric card-aside">
        <PauseButton queue={name} isPaused={paused} />
      </Table.Td>
    </Table.Tr>
  );
}

function Figure({
  value,
  to,
  isBad = false,
}: {
  readonly value: number;
  readonly to: string;
  readonly isBad?: boolean;
}): ReactElement {
  if (value === 0) return <>0</>;
  return (
    <Anchor component={Link} to={to} c={isBad ? 'var(--failed)' : 'inherit'} inherit>
      {countText(value)}
    </Anchor>
  );
}
