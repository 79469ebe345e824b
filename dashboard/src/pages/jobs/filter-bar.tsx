import { Button, Group, NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { queuesQuery, workersQuery } from '../../api/queries.js';
import { jobStates, type JobFilter } from '../../api/types.js';
import { now } from '../../text/now.js';
import { FilterText } from './filter-text.js';
import { FilterTime } from './filter-time.js';
import type { FilterChange } from './use-job-filter.js';

const HOUR_MS = 3_600_000;

/** The parts of the filter: those one needs first, and the others on request or when they are in use. */
export function FilterBar({
  filter,
  onChange,
}: {
  readonly filter: JobFilter;
  readonly onChange: (part: FilterChange) => void;
}): ReactElement {
  const { data: queues } = useQuery(queuesQuery);
  const { data: workers } = useQuery(workersQuery);
  const types = [...new Set(workers?.workers.flatMap((worker) => worker.types))].sort();
  const names = new Set([
    ...(queues?.queues.map(({ name }) => name) ?? []),
    ...(filter.queue ? [filter.queue] : []),
  ]);
  const hasMore = [filter.objectId, filter.batchId, filter.since, filter.until].some(Boolean);
  const [isOpen, setOpen] = useState(hasMore);
  const since = (ms: number): void => onChange({ since: new Date(now() - ms).toISOString() });
  return (
    <div className="filter">
      <div className="filter-grid">
        <NativeSelect
          label="State"
          value={filter.status ?? ''}
          onChange={({ currentTarget }) => onChange({ status: currentTarget.value })}
          data={[{ value: '', label: 'any' }, ...jobStates]}
        />
        <NativeSelect
          label="Queue"
          value={filter.queue ?? ''}
          onChange={({ currentTarget }) => onChange({ queue: currentTarget.value })}
          data={[{ value: '', label: 'any' }, ...[...names].sort()]}
        />
        <FilterText
          label="Type"
          value={filter.name}
          suggestions={types}
          placeholder="any"
          onChange={(name) => onChange({ name })}
        />
        <FilterText
          label="Error says"
          value={filter.error}
          placeholder="part of the last error"
          onChange={(error) => onChange({ error })}
        />
      </div>
      {(isOpen || hasMore) && (
        <div className="filter-grid">
          <FilterText
            label="About (object id)"
            value={filter.objectId}
            onChange={(objectId) => onChange({ objectId })}
          />
          <FilterText label="Batch" value={filter.batchId} onChange={(batchId) => onChange({ batchId })} />
          <FilterTime label="Since" value={filter.since} onChange={(time) => onChange({ since: time })} />
          <FilterTime label="Until" value={filter.until} onChange={(time) => onChange({ until: time })} />
        </div>
      )}
      <Group gap="xs">
        <Button size="compact-xs" variant="default" onClick={() => since(HOUR_MS)}>
          Last hour
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => since(24 * HOUR_MS)}>
          Last 24 h
        </Button>
        {!hasMore && (
          <Button size="compact-xs" variant="subtle" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
            {isOpen ? 'Fewer filters' : 'More filters'}
          </Button>
        )}
        {Object.keys(filter).length > 0 && (
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => onChange(Object.fromEntries(Object.keys(filter).map((field) => [field, ''])))}
          >
            Clear
          </Button>
        )}
      </Group>
    </div>
  );
}
