import { Button, Code, Group, Loader, Modal, Progress, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type ReactElement } from 'react';
import { answered, api } from '../api/client.js';
import type { BulkBody, BulkChange } from '../api/types.js';
import { countedText } from '../text/count-text.js';
import { ProblemAlert } from './problem-alert.js';

export type { BulkBody };
export type BulkVerb = 'retry' | 'cancel';

/** Requests a count may take, each of at most 10,000 jobs; what is more is "at least". */
const MOST_COUNTS = 5;

interface Counted {
  readonly matched: number;
  readonly isPartial: boolean;
}

/** Counts what a change would change, and changes it when told to. Closing it stops after the request that is under way. */
export function BulkDialog({
  verb,
  body,
  onClose,
}: {
  readonly verb: BulkVerb;
  readonly body: BulkBody;
  readonly onClose: () => void;
}): ReactElement {
  const client = useQueryClient();
  const count = useQuery({
    queryKey: ['count', verb, body],
    queryFn: ({ signal }) => countMatches(verb, body, signal),
    staleTime: 0,
    gcTime: 0,
  });
  const [changed, setChanged] = useState<number>();
  const [error, setError] = useState<Error>();
  const isStopped = useRef(false);
  const close = (): void => {
    isStopped.current = true;
    onClose();
  };
  const change = async (): Promise<void> => {
    setError(undefined);
    setChanged(0);
    try {
      const done = await changeAll(verb, body, (sum) => {
        setChanged(sum);
        return !isStopped.current;
      });
      notifications.show({ message: said(verb, done), color: 'teal' });
      onClose();
    } catch (caught) {
      setError(caught as Error);
      setChanged(undefined);
    } finally {
      void client.invalidateQueries();
    }
  };
  const matched = count.data?.matched ?? 0;
  const jobs = countedText(matched, 'job');
  const title = verb === 'retry' ? 'Retry jobs' : 'Cancel jobs';
  return (
    <Modal opened onClose={close} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack gap="sm" aria-live="polite">
        {count.isPending && (
          <Group gap="xs">
            <Loader size="xs" /> <Text size="sm">Counting what this would change…</Text>
          </Group>
        )}
        {count.error && <ProblemAlert error={count.error} onRetry={() => void count.refetch()} />}
        {error && <ProblemAlert error={error} />}
        {count.data && (
          <Text>
            {matched === 0 ? (
              'None of these jobs can be changed so.'
            ) : (
              <>
                {count.data.isPartial ? 'At least ' : ''}
                <strong>{jobs}</strong> will {verb === 'retry' ? 'run again' : 'be canceled'}.
              </>
            )}
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {verb === 'retry'
            ? 'They wait anew with all their attempts before them; their history stays.'
            : 'Waiting ones end at once; executing ones are told to stop.'}
        </Text>
        {'ids' in body ? null : <Code block>{JSON.stringify(body)}</Code>}
        {changed !== undefined && (
          <div>
            <Progress value={(changed / Math.max(1, matched)) * 100} animated aria-label="Progress" />
            <Text size="sm" c="dimmed" className="quiet-number">
              {countedText(changed, 'job')} so far
            </Text>
          </div>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {changed === undefined ? 'Leave them' : 'Stop here'}
          </Button>
          <Button
            color={verb === 'cancel' ? 'red' : 'indigo'}
            disabled={matched === 0}
            loading={changed !== undefined}
            data-autofocus
            onClick={() => void change()}
          >
            {verb === 'retry' ? `Retry ${jobs}` : `Cancel ${jobs}`}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

async function countMatches(verb: BulkVerb, body: BulkBody, signal: AbortSignal): Promise<Counted> {
  let matched = 0;
  let cursor: string | undefined;
  for (let asked = 0; asked < MOST_COUNTS; asked++) {
    const step = await send(verb, { ...body, dryRun: true, ...(cursor !== undefined && { cursor }) }, signal);
    matched += step.matched;
    if (step.next === null) return { matched, isPartial: false };
    cursor = step.next;
  }
  return { matched, isPartial: true };
}

/** Changes page by page, as long as `goesOn` says so; answers how many were changed. */
async function changeAll(
  verb: BulkVerb,
  body: BulkBody,
  goesOn: (changed: number) => boolean,
): Promise<number> {
  let changed = 0;
  let cursor: string | undefined;
  for (;;) {
    const step = await send(verb, { ...body, ...(cursor !== undefined && { cursor }) });
    changed += step.changed;
    if (!goesOn(changed) || step.next === null) return changed;
    cursor = step.next;
  }
}

function send(verb: BulkVerb, body: BulkBody, signal?: AbortSignal): Promise<BulkChange> {
  return answered(api.POST(`/job/${verb}`, { body, ...(signal && { signal }) }));
}

function said(verb: BulkVerb, count: number): string {
  return verb === 'retry'
    ? `${countedText(count, 'job')} will run again`
    : `${countedText(count, 'job')} canceled`;
}
