import { Anchor, Button, Group, Stack, Table, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import { schedulesQuery } from '../api/queries.js';
import { apiRoot } from '../api/client.js';
import type { Schedule } from '../api/types.js';
import { Empty } from '../parts/empty.js';
import { PageHead } from '../parts/page-head.js';
import { QueryView } from '../parts/query-view.js';
import { ShownCommand } from '../parts/shown-command.js';
import { TimeAgo } from '../parts/time-ago.js';
import { whenText } from '../text/when-text.js';
import { ScheduleActions } from './schedules/schedule-actions.js';
import { ScheduleForm } from './schedules/schedule-form.js';
import { ScheduleState } from './schedules/schedule-state.js';
import { Tag } from '../parts/tag.js';

/** Everything that fires by the clock, the next first. */
export function SchedulesPage(): ReactElement {
  const query = useQuery(schedulesQuery);
  const [isMaking, make] = useDisclosure();
  return (
    <Stack gap="md">
      <PageHead title="Schedules" lead="Each nominal time fires once, whatever runs where.">
        <Button size="compact-sm" onClick={make.open}>
          New schedule
        </Button>
      </PageHead>
      <section className="panel" aria-label="Schedules">
        <QueryView query={query} lines={4}>
          {({ schedules }) =>
            schedules.length === 0 ? <NoSchedule /> : <ScheduleTable schedules={schedules} />
          }
        </QueryView>
      </section>
      {isMaking && <ScheduleForm onClose={make.close} />}
    </Stack>
  );
}

function NoSchedule(): ReactElement {
  const body = `'{"cron":"0 2 * * *","job":"example:job","payload":{"param":"nightly"}}'`;
  return (
    <Empty title="There is no schedule yet.">
      <Text size="sm">
        Declare one in code with <code>@Scheduled</code>, make one here, or from a shell:
      </Text>
      <ShownCommand
        text={`curl -X PUT ${apiRoot.href}schedule/nightly -H 'content-type: application/json' -d ${body}`}
      />
    </Empty>
  );
}

function ScheduleTable({ schedules }: { readonly schedules: readonly Schedule[] }): ReactElement {
  const sorted = [...schedules].sort((a, b) => (a.nextFireAt ?? '~').localeCompare(b.nextFireAt ?? '~'));
  return (
    <Table className="cards" verticalSpacing="xs" highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Schedule</Table.Th>
          <Table.Th>When</Table.Th>
          <Table.Th>Job type</Table.Th>
          <Table.Th>Next</Table.Th>
          <Table.Th>Last</Table.Th>
          <Table.Th aria-label="Actions" />
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {sorted.map((schedule) => (
          <Table.Tr key={schedule.name}>
            <Table.Td className="card-title card-wide">
              <Group gap="xs">
                <Anchor
                  component={Link}
                  to={`/schedules/${encodeURIComponent(schedule.name)}`}
                  className="row-link"
                >
                  {schedule.name}
                </Anchor>
                <ScheduleState schedule={schedule} />
                {schedule.source === 'code' && <Tag tone="quiet">in code</Tag>}
              </Group>
            </Table.Td>
            <Table.Td data-label="When">{whenText(schedule)}</Table.Td>
            <Table.Td data-label="Job type">{schedule.job}</Table.Td>
            <Table.Td data-label="Next">
              {schedule.nextFireAt === null ? '–' : <TimeAgo at={schedule.nextFireAt} />}
            </Table.Td>
            <Table.Td data-label="Last">
              {schedule.lastFireAt === null ? 'never' : <TimeAgo at={schedule.lastFireAt} />}
            </Table.Td>
            <Table.Td className="card-wide">
              <Group gap="xs" justify="flex-end">
                <ScheduleActions schedule={schedule} />
              </Group>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
