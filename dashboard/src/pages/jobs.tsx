import { Stack } from '@mantine/core';
import type { ReactElement } from 'react';
import { Empty } from '../parts/empty.js';
import { FirstJob } from '../parts/first-job.js';
import { JobList } from '../parts/job-list.js';
import { PageHead } from '../parts/page-head.js';
import { FilterBar } from './jobs/filter-bar.js';
import { useJobFilter } from './jobs/use-job-filter.js';

/** Jobs by filter, newest first; the filter is in the address, so that a search can be sent to somebody. */
export function JobsPage(): ReactElement {
  const { filter, change } = useJobFilter();
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Stack gap="md">
      <PageHead title="Jobs" lead="Newest first; failed and canceled ones by when they ended." />
      <section className="panel" aria-label="Jobs">
        <FilterBar filter={filter} onChange={change} />
        <JobList
          key={JSON.stringify(filter)}
          filter={filter}
          empty={
            isFiltered ? (
              <Empty title="No job matches.">
                Take a part of the filter away, or look further back in time.
              </Empty>
            ) : (
              <FirstJob lead="There has been no job yet." />
            )
          }
        />
      </section>
    </Stack>
  );
}
