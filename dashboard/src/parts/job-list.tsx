import { Button, Group, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState, type ReactElement, type ReactNode } from 'react';
import { jobsQuery } from '../api/queries.js';
import type { JobFilter } from '../api/types.js';
import { countedText } from '../text/count-text.js';
import { exactText } from '../text/exact-text.js';
import { BulkButtons } from './bulk-buttons.js';
import { JobTable } from './job-table.js';
import { QueryView } from './query-view.js';
import { TimeAgo } from './time-ago.js';

/** Jobs of a filter with ways to read on, and to retry and cancel those chosen or all. Choices end with the filter: give it as `key`. */
export function JobList({
  filter,
  empty,
}: {
  readonly filter: JobFilter;
  readonly empty: ReactNode;
}): ReactElement {
  const query = useInfiniteQuery(jobsQuery(filter));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const jobs = query.data?.pages.flatMap((page) => page.jobs) ?? [];
  const last = query.data?.pages.at(-1);
  const select = (ids: readonly string[], isSelected: boolean): void =>
    setSelected((before) => {
      const after = new Set(before);
      for (const id of ids)
        if (isSelected) after.add(id);
        else after.delete(id);
      return after;
    });
  return (
    <>
      <BulkButtons
        selected={selected}
        filter={filter}
        shown={jobs.length}
        onDone={() => setSelected(new Set())}
      />
      <QueryView query={query} lines={8}>
        {() => (
          <>
            {jobs.length > 0 && <JobTable jobs={jobs} selected={selected} onSelect={select} />}
            {jobs.length === 0 && last?.next === null && empty}
            <Group p="md" gap="md">
              {last?.scannedTo !== undefined && (
                <Text size="sm" role="status">
                  {jobs.length === 0 ? 'Nothing found so far. ' : ''}Searched back to{' '}
                  <strong>{exactText(last.scannedTo).split(' · ')[0]}</strong> (
                  <TimeAgo at={last.scannedTo} />
                  ).
                </Text>
              )}
              {query.hasNextPage && (
                <Button
                  variant="default"
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  {last?.scannedTo === undefined ? 'Show more' : 'Search further back'}
                </Button>
              )}
              {jobs.length > 0 && (
                <Text size="sm" c="dimmed">
                  {countedText(jobs.length, 'job')} shown{query.hasNextPage ? '' : ', which is all'}
                </Text>
              )}
            </Group>
          </>
        )}
      </QueryView>
    </>
  );
}
