import { Code, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, type ReactElement } from 'react';
import { useLocation } from 'react-router';
import { workersQuery } from '../api/queries.js';
import { answered, api } from '../api/client.js';
import type { Worker } from '../api/types.js';
import { ConfirmButton } from '../parts/confirm-button.js';
import { CopyId } from '../parts/copy-id.js';
import { Empty } from '../parts/empty.js';
import { Facts } from '../parts/facts.js';
import { PageHead } from '../parts/page-head.js';
import { QueryView } from '../parts/query-view.js';
import { ShareBar } from '../parts/share-bar.js';
import { ShownCommand } from '../parts/shown-command.js';
import { TimeAgo } from '../parts/time-ago.js';
import { useAct } from '../parts/use-act.js';
import { slotsOf } from '../text/slots-of.js';
import { Tag } from '../parts/tag.js';

/** Who runs jobs, how busy each is, and a way to end one gently. */
export function WorkersPage(): ReactElement {
  const query = useQuery(workersQuery);
  return (
    <Stack gap="md">
      <PageHead
        title="Workers"
        lead="Processes that run jobs, as their last heartbeat told: up to 5 s old."
      />
      <QueryView query={query} lines={6}>
        {({ workers }) =>
          workers.length === 0 ? (
            <div className="panel">
              <Empty title="No worker is alive.">
                <Text size="sm">Jobs are kept and wait. Start one:</Text>
                <ShownCommand text="npm start -- --entry worker" />
              </Empty>
            </div>
          ) : (
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
              {workers.map((worker) => (
                <WorkerCard key={worker.id} worker={worker} />
              ))}
            </SimpleGrid>
          )
        }
      </QueryView>
    </Stack>
  );
}

function WorkerCard({ worker }: { readonly worker: Worker }): ReactElement {
  const { id, host, pid, entry, slots, busy, stuck, draining, queues, types } = worker;
  const drain = useAct(
    () => answered(api.POST('/worker/{id}/drain', { params: { path: { id } } })),
    () => `${host} (pid ${pid}) takes no more jobs and finishes what it holds`,
  );
  const card = useRef<HTMLElement>(null);
  const isMeant = useLocation().hash === `#${id}`;
  useEffect(() => {
    if (isMeant) card.current?.scrollIntoView();
  }, [isMeant]);
  return (
    <section className="panel worker-card" id={id} ref={card} aria-label={`Worker ${host} pid ${pid}`}>
      <div className="panel-head">
        <Group gap="xs">
          <Text fw={600} span>
            {host} · pid {pid}
          </Text>
          {draining && <Tag tone="wait">draining</Tag>}
          {stuck > 0 && <Tag tone="bad">{stuck} stuck</Tag>}
        </Group>
        {!draining && (
          <ConfirmButton
            label="Drain"
            question={`Drain ${host} (pid ${pid})?`}
            loading={drain.isPending}
            onConfirm={() => drain.mutate(undefined)}
          >
            It takes no more jobs and finishes the {busy} it holds. A process that only works ends then; one
            that also answers requests goes on without working until it is started anew.
          </ConfirmButton>
        )}
      </div>
      <div className="panel-body">
        <Group justify="space-between" mb={4}>
          <Text size="sm">
            {busy} of {slots} slots busy
          </Text>
          {stuck > 0 && (
            <Text size="sm" c="var(--failed)">
              {stuck} held by handlers that ignore their signal
            </Text>
          )}
        </Group>
        <ShareBar
          label={`${busy} of ${slots} slots busy, ${stuck} stuck`}
          total={slots}
          parts={[
            { count: busy - stuck, tone: 'run' },
            { count: stuck, tone: 'bad' },
          ]}
        />
        <Facts
          facts={[
            ['Entry', entry],
            ['Heartbeat', <TimeAgo key="seen" at={worker.seenAt} />],
            ['Started', <TimeAgo key="started" at={worker.startedAt} />],
            ['Id', <CopyId key="id" id={id} />],
          ]}
        />
        <details className="more">
          <summary>
            {types.length} job types in {queues.length} queues
          </summary>
          <Group gap={6} mt="xs">
            {types.map((type) => (
              <Code key={type}>{type}</Code>
            ))}
          </Group>
          <table className="small-table">
            <thead>
              <tr>
                <th>Queue</th>
                <th>Busy</th>
                <th>Busy with retries</th>
              </tr>
            </thead>
            <tbody>
              {queues.map((queue) => {
                const of = slotsOf(worker, queue);
                return (
                  <tr key={queue}>
                    <td>{queue}</td>
                    <td>
                      {of.busy} of {of.concurrency}
                    </td>
                    <td>
                      {of.retryBusy} of {of.retryConcurrency}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </details>
      </div>
    </section>
  );
}
