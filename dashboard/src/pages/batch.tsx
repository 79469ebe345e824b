import { Anchor, Button, Group, RingProgress, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link, useParams } from 'react-router';
import { batchQuery } from '../api/queries.js';
import { answered, api } from '../api/client.js';
import type { Batch } from '../api/types.js';
import { ConfirmButton } from '../parts/confirm-button.js';
import { CopyId } from '../parts/copy-id.js';
import { Empty } from '../parts/empty.js';
import { Facts } from '../parts/facts.js';
import { JobList } from '../parts/job-list.js';
import { PageHead } from '../parts/page-head.js';
import { Panel } from '../parts/panel.js';
import { QueryView } from '../parts/query-view.js';
import { TimeAgo } from '../parts/time-ago.js';
import { useAct } from '../parts/use-act.js';
import { countText } from '../text/count-text.js';
import { BatchBadge } from './batches/batch-badge.js';

/** One batch: how far it is, what it does at the end, and its members. */
export function BatchPage(): ReactElement {
  const { id = '' } = useParams();
  const query = useQuery(batchQuery(id));
  const batch = query.data;
  return (
    <Stack gap="md">
      <PageHead title={batch?.key ?? batch?.name ?? 'Batch'} lead={<CopyId id={id} isFull />}>
        {batch && (
          <>
            <BatchBadge state={batch.status} />
            <BatchActions batch={batch} />
          </>
        )}
      </PageHead>
      <QueryView query={query} lines={4}>
        {(known) => (
          <Panel title="How far it is" isPadded>
            <Group align="center" gap="xl">
              <Ring batch={known} />
              <BatchFacts batch={known} />
            </Group>
          </Panel>
        )}
      </QueryView>
      <Panel title="Members">
        <JobList filter={{ batchId: id }} empty={<Empty title="It has no members yet." />} />
      </Panel>
    </Stack>
  );
}

function Ring({ batch: { total, done, failed, canceled } }: { readonly batch: Batch }): ReactElement {
  const share = (count: number): number => (total === 0 ? 0 : (count / total) * 100);
  const percent = Math.floor(share(done + failed + canceled));
  return (
    <RingProgress
      size={132}
      thickness={14}
      role="img"
      aria-label={`${percent} % have ended: ${done} done, ${failed} failed, ${canceled} canceled of ${total}`}
      sections={[
        { value: share(done), color: 'teal' },
        { value: share(failed), color: 'red' },
        { value: share(canceled), color: 'gray' },
      ]}
      label={
        <Text ta="center" fw={650} size="lg" className="quiet-number">
          {percent} %
        </Text>
      }
    />
  );
}

function BatchFacts({ batch }: { readonly batch: Batch }): ReactElement {
  const { name, total, done, failed, canceled, onComplete, onCompleteJobId } = batch;
  const left = total - done - failed - canceled;
  return (
    <Facts
      facts={[
        ['Members', countText(total)],
        ['Done', countText(done)],
        ['Failed', countText(failed)],
        ['Canceled', countText(canceled)],
        ['Still open', countText(left)],
        ['Job type', name],
        ['At the end', onComplete],
        [
          'Its job',
          onCompleteJobId && (
            <Anchor component={Link} to={`/jobs/${onCompleteJobId}`}>
              …{onCompleteJobId.slice(-8)}
            </Anchor>
          ),
        ],
        ['Made', <TimeAgo key="made" at={batch.createdAt} />],
        ['Sealed', batch.sealedAt && <TimeAgo at={batch.sealedAt} />],
        ['Deadline', batch.deadlineAt && <TimeAgo at={batch.deadlineAt} />],
        ['Completed', batch.completedAt && <TimeAgo at={batch.completedAt} />],
        ['Canceled at', batch.canceledAt && <TimeAgo at={batch.canceledAt} />],
      ]}
    />
  );
}

function BatchActions({ batch }: { readonly batch: Batch }): ReactElement {
  const seal = useAct(
    () => answered(api.POST('/batch/{id}/seal', { params: { path: { id: batch.id } } })),
    () => 'Sealed: it completes with its last member',
  );
  const cancel = useAct(
    () => answered(api.POST('/batch/{id}/cancel', { params: { path: { id: batch.id } } })),
    () => 'Canceled: its waiting members end, its executing ones are told to stop',
  );
  return (
    <>
      {batch.status === 'open' && (
        <Button size="compact-sm" loading={seal.isPending} onClick={() => seal.mutate(undefined)}>
          Seal
        </Button>
      )}
      {batch.completedAt === null && batch.status !== 'canceled' && (
        <ConfirmButton
          label="Cancel batch"
          question="Cancel this batch?"
          color="red"
          loading={cancel.isPending}
          onConfirm={() => cancel.mutate(undefined)}
        >
          It takes no more members; the {countText(batch.total - batch.done - batch.failed - batch.canceled)}{' '}
          that are open are canceled.
        </ConfirmButton>
      )}
    </>
  );
}
