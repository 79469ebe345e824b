import { Anchor, Checkbox, Progress, Table, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import type { Job } from '../api/types.js';
import { durationText } from '../text/duration-text.js';
import { progressOf } from '../text/progress-of.js';
import { CopyId } from './copy-id.js';
import { StateBadge } from './state-badge.js';
import { TimeAgo } from './time-ago.js';

/** Jobs a line each: state, type, what they are about, how they fare. */
export function JobTable({
  jobs,
  selected,
  onSelect,
}: {
  readonly jobs: readonly Job[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: readonly string[], isSelected: boolean) => void;
}): ReactElement {
  const chosen = jobs.filter(({ id }) => selected.has(id)).length;
  return (
    <Table className="cards job-table" verticalSpacing={6} highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={36}>
            <Checkbox
              size="xs"
              aria-label="Select all jobs shown"
              checked={jobs.length > 0 && chosen === jobs.length}
              indeterminate={chosen > 0 && chosen < jobs.length}
              onChange={({ currentTarget }) =>
                onSelect(
                  jobs.map(({ id }) => id),
                  currentTarget.checked,
                )
              }
            />
          </Table.Th>
          <Table.Th>State</Table.Th>
          <Table.Th>Job</Table.Th>
          <Table.Th>About</Table.Th>
          <Table.Th className="numeric">Attempt</Table.Th>
          <Table.Th>Made</Table.Th>
          <Table.Th>How it fares</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {jobs.map((job) => (
          <Table.Tr key={job.id} data-selected={selected.has(job.id) || undefined}>
            <Table.Td className="pick">
              <Checkbox
                size="xs"
                aria-label={`Select job ${job.id}`}
                checked={selected.has(job.id)}
                onChange={({ currentTarget }) => onSelect([job.id], currentTarget.checked)}
              />
            </Table.Td>
            <Table.Td className="card-aside">
              <StateBadge state={job.status} />
            </Table.Td>
            <Table.Td className="card-title">
              <Anchor component={Link} to={`/jobs/${job.id}`} className="row-link">
                {job.name}
              </Anchor>
              <div className="under">
                <CopyId id={job.id} /> in {job.queue}
              </div>
            </Table.Td>
            <Table.Td data-label="About" className="about">
              {job.objectId ?? '–'}
            </Table.Td>
            <Table.Td className="numeric" data-label="Attempt">
              {job.attempt} / {job.maxAttempts}
            </Table.Td>
            <Table.Td data-label="Made">
              <TimeAgo at={job.createdAt} />
            </Table.Td>
            <Table.Td className="fares card-wide">
              <Fares job={job} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** The one thing worth knowing of a job in its state. */
function Fares({ job }: { readonly job: Job }): ReactElement | null {
  const error = job.history.at(-1)?.error?.message;
  const progress = progressOf(job);
  switch (job.status) {
    case 'waiting':
      return (
        <Text size="sm">
          {job.dueAt !== null && (
            <>
              due <TimeAgo at={job.dueAt} />
            </>
          )}
          {error !== undefined && <span className="error-line">{error}</span>}
        </Text>
      );
    case 'executing':
      return (
        <Text size="sm" component="div">
          since {job.startedAt !== null && <TimeAgo at={job.startedAt} />}
          {progress && (
            <Progress value={progress.fraction * 100} aria-label="Progress" size="sm" mt={4} maw={140} />
          )}
        </Text>
      );
    case 'done':
      return (
        <Text size="sm" className="quiet-number">
          took {durationText(spanMs(job))}
        </Text>
      );
    case 'failed':
    case 'canceled':
      return (
        <Text size="sm" component="div">
          {job.finishedAt !== null && (
            <>
              ended <TimeAgo at={job.finishedAt} />
            </>
          )}
          {error !== undefined && <span className="error-line">{error}</span>}
        </Text>
      );
  }
}

function spanMs({ startedAt, finishedAt }: Job): number {
  return startedAt === null || finishedAt === null ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);
}
