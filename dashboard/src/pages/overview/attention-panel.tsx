import { Button, Text, VisuallyHidden } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { Link } from 'react-router';
import { serverNow } from '../../api/server-clock.js';
import { attentionQuery } from '../../api/queries.js';
import type { AttentionItem } from '../../api/types.js';
import { Icon } from '../../parts/icon.js';
import { Panel } from '../../parts/panel.js';
import { PauseButton } from '../../parts/pause-button.js';
import { QueryView } from '../../parts/query-view.js';
import { Tag } from '../../parts/tag.js';
import { TimeAgo } from '../../parts/time-ago.js';
import { countedText } from '../../text/count-text.js';

/** How far back the failures lie that a failure spike is told of, in ms. */
const SPIKE_MS = 5 * 60_000;

/** What is wrong, worst first, each with where to look or what to do. */
export function AttentionPanel(): ReactElement {
  const query = useQuery(attentionQuery);
  return (
    <Panel title="Needs attention first" actions={<Count items={query.data?.items ?? []} />}>
      <div aria-live="polite">
        <QueryView query={query} lines={1}>
          {({ items }) =>
            items.length === 0 ? (
              <div className="all-well">
                <Icon name="check" /> Nothing does.
              </div>
            ) : (
              items.map((item) => <Item key={keyOf(item)} item={item} />)
            )
          }
        </QueryView>
      </div>
    </Panel>
  );
}

function Count({ items }: { readonly items: readonly AttentionItem[] }): ReactElement | null {
  const critical = items.filter((item) => item.severity === 'critical').length;
  if (items.length === 0) return null;
  return (
    <Tag tone={critical > 0 ? 'bad' : 'wait'}>
      {[
        ...(critical > 0 ? [`${critical} critical`] : []),
        ...(critical < items.length ? [countedText(items.length - critical, 'warning')] : []),
      ].join(', ')}
    </Tag>
  );
}

const keyOf = ({ code, queue, name, workerId }: AttentionItem): string =>
  [code, queue, name, workerId].join();

function Item({ item }: { readonly item: AttentionItem }): ReactElement {
  return (
    <div className="attention-item" data-severity={item.severity}>
      <div className="attention-mark" />
      <div>
        <div className="attention-title">
          <VisuallyHidden>{item.severity}: </VisuallyHidden>
          {item.title}
        </div>
        <Text size="sm" c="dimmed">
          {item.detail}
          {item.since !== null && (
            <>
              {' '}
              Since <TimeAgo at={item.since} />.
            </>
          )}
        </Text>
      </div>
      <div className="attention-actions">
        <Actions item={item} />
      </div>
    </div>
  );
}

function Actions({
  item: { code, queue, name, workerId, since },
}: {
  readonly item: AttentionItem;
}): ReactElement | null {
  switch (code) {
    case 'queue_paused':
      return queue === null ? null : <PauseButton queue={queue} isPaused />;
    case 'failure_spike':
      return <GoTo to={`/jobs?${failedSince(queue, since)}`} text="See what failed" />;
    case 'old_job':
      return <GoTo to={`/jobs?status=waiting&queue=${queue ?? ''}`} text="See what waits" />;
    case 'unserved_type':
      return <GoTo to={`/jobs?status=waiting&name=${encodeURIComponent(name ?? '')}`} text="See its jobs" />;
    case 'stuck_slots':
      return <GoTo to={`/workers#${workerId ?? ''}`} text="See the worker" />;
    case 'no_worker':
    case 'lost_worker':
      return <GoTo to="/workers" text="See workers" />;
    case 'transport_away':
      return null;
  }
}

/** Those of the spike alone: what is done with all of the list is not done with failures of last week. */
function failedSince(queue: string | null, since: string | null): string {
  const from = since ?? new Date(serverNow() - SPIKE_MS).toISOString();
  return new URLSearchParams({ status: 'failed', queue: queue ?? '', since: from }).toString();
}

function GoTo({ to, text }: { readonly to: string; readonly text: string }): ReactElement {
  return (
    <Button component={Link} to={to} size="compact-sm" variant="default">
      {text}
    </Button>
  );
}
