import { Anchor, Button, Group, NativeSelect, Stack, Table, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link, useSearchParams } from 'react-router';
import { batchesQuery } from '../api/queries.js';
import { apiRoot } from '../api/client.js';
import { batchStates, type Batch } from '../api/types.js';
import { CopyId } from '../parts/copy-id.js';
import { Empty } from '../parts/empty.js';
import { PageHead } from '../parts/page-head.js';
import { QueryView } from '../parts/query-view.js';
import { ShownCommand } from '../parts/shown-command.js';
import { TimeAgo } from '../parts/time-ago.js';
import { countText } from '../text/count-text.js';
import { BatchBadge } from './batches/batch-badge.js';
import { BatchBar } from './batches/batch-bar.js';

/** Batches, newest first, with how far each is. */
export function BatchesPage(): ReactElement {
  const [params, setParams] = useSearchParams();
  const status = batchStates.find((state) => state === params.get('status'));
  const query = useInfiniteQuery(batchesQuery(status));
  const batches = query.data?.pages.flatMap((page) => page.batches) ?? [];
  return (
    <Stack gap="md">
      <PageHead title="Batches" lead="Sets of jobs with counters, a deadline and one completion.">
        <NativeSelect
          aria-label="State"
          size="xs"
          value={status ?? ''}
          onChange={({ currentTarget: { value } }) => setParams(value === '' ? {} : { status: value })}
          data={[{ value: '', label: 'any state' }, ...batchStates]}
        />
      </PageHead>
      <section className="panel" aria-label="Batches">
        <QueryView query={query} lines={5}>
          {() =>
            batches.length === 0 ? (
              <NoBatch isFiltered={status !== undefined} />
            ) : (
              <BatchTable batches={batches} />
            )
          }
        </QueryView>
        {query.hasNextPage && (
          <Group p="md">
            <Button
              variant="default"
              loading={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              Show more
            </Button>
          </Group>
        )}
      </section>
    </Stack>
  );
}

function NoBatch({ isFiltered }: { readonly isFiltered: boolean }): ReactElement {
  if (isFiltered) return <Empty title="No batch is in that state." />;
  const body = `'{"name":"example:job","items":[{"param":"a"},{"param":"b"}]}'`;
  return (
    <Empty title="There is no batch yet.">
      <Text size="sm">Make one from a shell:</Text>
      <ShownCommand text={`curl ${apiRoot.href}batch -H 'content-type: application/json' -d ${body}`} />
    </Empty>
  );
}

function BatchTable({ batches }: { readonly batches: readonly Batch[] }): ReactElement {
  return (
    <Table className="cards" verticalSpacing="xs" highlightOnHover>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>State</Table.Th>
          <Table.Th>Batch</Table.Th>
          <Table.Th w="30%">Members</Table.Th>
          <Table.Th className="numeric">Total</Table.Th>
          <Table.Th className="numeric">Failed</Table.Th>
          <Table.Th>Made</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {batches.map((batch) => (
          <Table.Tr key={batch.id}>
            <Table.Td className="card-aside">
              <BatchBadge state={batch.status} />
            </Table.Td>
            <Table.Td className="card-title">
              <Anchor component={Link} to={`/batches/${batch.id}`} className="row-link">
                {batch.key ?? batch.name}
              </Anchor>
              <div className="under">
                <CopyId id={batch.id} /> of {batch.name}
              </div>
            </Table.Td>
            <Table.Td className="card-wide">
              <BatchBar batch={batch} />
            </Table.Td>
            <Table.Td className="numeric" data-label="Total">
              {countText(batch.total)}
            </Table.Td>
            <Table.Td className="numeric" data-label="Failed">
              {countText(batch.failed)}
            </Table.Td>
            <Table.Td data-label="Made">
              <TimeAgo at={batch.createdAt} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
