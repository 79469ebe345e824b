import { Alert, Anchor, Button, SimpleGrid, Stack, Table, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import { previewQuery, scheduleQuery } from '../api/queries.js';
import { answered, api } from '../api/client.js';
import type { Schedule, ScheduleFire } from '../api/types.js';
import { ConfirmButton } from '../parts/confirm-button.js';
import { CopyId } from '../parts/copy-id.js';
import { Facts } from '../parts/facts.js';
import { JsonView } from '../parts/json-view.js';
import { PageHead } from '../parts/page-head.js';
import { Panel } from '../parts/panel.js';
import { QueryView } from '../parts/query-view.js';
import { TimeAgo } from '../parts/time-ago.js';
import { useAct } from '../parts/use-act.js';
import { durationText } from '../text/duration-text.js';
import { localText } from '../text/local-text.js';
import { whenText } from '../text/when-text.js';
import { ScheduleActions } from './schedules/schedule-actions.js';
import { ScheduleForm } from './schedules/schedule-form.js';
import { ScheduleState } from './schedules/schedule-state.js';
import { Tag } from '../parts/tag.js';

/** One schedule: when it fires next, what clock changes do to that, and what it has fired. */
export function SchedulePage(): ReactElement {
  const { name = '' } = useParams();
  const query = useQuery(scheduleQuery(name));
  const [isEditing, edit] = useDisclosure();
  const schedule = query.data;
  return (
    <Stack gap="md">
      <PageHead title={name} lead={schedule && whenText(schedule)}>
        {schedule && (
          <>
            <ScheduleState schedule={schedule} />
            <ScheduleActions schedule={schedule} />
            {(schedule.source === 'api' || schedule.orphaned) && (
              <>
                <Button size="compact-sm" variant="default" onClick={edit.open}>
                  Change
                </Button>
                <RemoveButton name={name} />
              </>
            )}
          </>
        )}
      </PageHead>
      <QueryView query={query} lines={6}>
        {(known) => (
          <Stack gap="md">
            {known.error !== null && (
              <Alert color="red" variant="light" title="Its last fire could not be done">
                {known.error}
              </Alert>
            )}
            <SimpleGrid cols={{ base: 1, md: 2 }}>
              <Panel title="Next fires">
                <Preview name={name} isPaused={known.paused} />
              </Panel>
              <Panel title="Last fires">
                <Fires fires={known.fires} />
              </Panel>
              <Panel title="Facts" isPadded>
                <ScheduleFacts schedule={known} />
              </Panel>
              <Panel title="Payload of its jobs" isPadded>
                <JsonView value={known.payload} label="the payload" />
              </Panel>
            </SimpleGrid>
          </Stack>
        )}
      </QueryView>
      {isEditing && schedule && <ScheduleForm schedule={schedule} onClose={edit.close} />}
    </Stack>
  );
}

function RemoveButton({ name }: { readonly name: string }): ReactElement {
  const navigate = useNavigate();
  const remove = useAct(
    async () => {
      await answered(api.DELETE('/schedule/{name}', { params: { path: { name } } }));
      await navigate('/schedules');
    },
    () => `${name} is removed`,
  );
  return (
    <ConfirmButton
      label="Remove"
      question={`Remove ${name}?`}
      color="red"
      onConfirm={() => remove.mutate(undefined)}
    >
      It does not fire any more. The jobs it has made stay.
    </ConfirmButton>
  );
}

function Preview({ name, isPaused }: { readonly name: string; readonly isPaused: boolean }): ReactElement {
  const query = useQuery(previewQuery(name));
  return (
    <QueryView query={query} lines={5}>
      {({ fires }) => (
        <>
          {isPaused && (
            <Text size="sm" c="dimmed" p="sm">
              It is paused; were it not, it would fire:
            </Text>
          )}
          <Table verticalSpacing={6}>
            <Table.Tbody>
              {fires.map(({ fireAt, local, note }) => (
                <Table.Tr key={fireAt}>
                  <Table.Td>
                    {localText(local)}
                    {note !== undefined && (
                      <Text size="xs" c="dimmed">
                        {note}
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td className="numeric">
                    <TimeAgo at={fireAt} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {fires.length === 0 && <Text p="md">It has no fire left.</Text>}
        </>
      )}
    </QueryView>
  );
}

function Fires({ fires }: { readonly fires: readonly ScheduleFire[] }): ReactElement {
  if (fires.length === 0) {
    return (
      <Text p="md" c="dimmed" size="sm">
        It has not fired yet.
      </Text>
    );
  }
  return (
    <Table verticalSpacing={6}>
      <Table.Tbody>
        {fires.map(({ fireAt, jobId, manual }) => (
          <Table.Tr key={fireAt}>
            <Table.Td>
              <TimeAgo at={fireAt} /> {manual && <Tag tone="quiet">by hand</Tag>}
            </Table.Td>
            <Table.Td>
              <Anchor component={Link} to={`/jobs/${jobId}`}>
                its job
              </Anchor>{' '}
              <CopyId id={jobId} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function ScheduleFacts({ schedule }: { readonly schedule: Schedule }): ReactElement {
  const { job, catchUp, jitterMs, startAt, endAt, source } = schedule;
  return (
    <Facts
      facts={[
        [
          'Job type',
          <Anchor key="job" component={Link} to={`/jobs?name=${encodeURIComponent(job)}`}>
            {job}
          </Anchor>,
        ],
        ['Times missed', typeof catchUp === 'string' ? catchUp : `at most the last ${catchUp.all}`],
        ['Jitter', jitterMs === 0 ? 'none' : durationText(jitterMs)],
        ['From', startAt && <TimeAgo at={startAt} />],
        ['Until', endAt && <TimeAgo at={endAt} />],
        ['Declared', source === 'code' ? 'in code: change it there, or pause it' : 'over the API'],
      ]}
    />
  );
}
