import { Button, Code, Group, Loader, Modal, Progress, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactElement } from 'react';
import { ApiError } from '../api/api-error.js';
import { countText, countedText } from '../text/count-text.js';
import {
  asOfNow,
  changeAll,
  countMatches,
  type BulkBody,
  type BulkVerb,
  type Changed,
} from './bulk-change.js';
import { ProblemAlert } from './problem-alert.js';

/** How long a notification stays that says more than that all went well, in ms. */
const READING_MS = 10_000;

/**
 * Counts what a change would change, and changes just that when told to. Closing it, or leaving the page, stops after the request that is under
 * way; how many were changed is said in any case.
 */
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
  const [meant] = useState(() => asOfNow(body));
  const count = useInfiniteQuery({
    queryKey: ['count', verb, meant],
    queryFn: ({ pageParam, signal }) => countMatches(verb, meant, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    staleTime: Infinity,
    gcTime: 0,
  });
  const [changed, setChanged] = useState<number>();
  const [error, setError] = useState<Error>();
  const isStopped = useRef(false);
  useEffect(() => {
    isStopped.current = false;
    return () => {
      isStopped.current = true;
    };
  }, []);
  const change = async (): Promise<void> => {
    setError(undefined);
    setChanged(0);
    const done = await changeAll(verb, meant, (sum) => {
      setChanged(sum);
      return !isStopped.current;
    });
    notifications.show(said(verb, done));
    void client.invalidateQueries();
    if (isStopped.current) return;
    setChanged(undefined);
    if (done.error) setError(done.error);
    else onClose();
  };
  const matched = count.data?.pages.reduce((sum, page) => sum + page.matched, 0) ?? 0;
  const isPartial = count.hasNextPage;
  return (
    <Modal
      opened
      onClose={onClose}
      title={verb === 'retry' ? 'Retry jobs' : 'Cancel jobs'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="sm" aria-live="polite">
        {count.isPending && (
          <Group gap="xs">
            <Loader size="xs" /> <Text size="sm">Counting what this would change…</Text>
          </Group>
        )}
        {count.error && <ProblemAlert error={count.error} onRetry={() => void count.refetch()} />}
        {error && <ProblemAlert error={error} />}
        {count.data && <Found verb={verb} matched={matched} isPartial={isPartial} />}
        {isPartial && (
          <Button
            size="compact-sm"
            variant="default"
            loading={count.isFetchingNextPage}
            onClick={() => void count.fetchNextPage()}
          >
            Count on
          </Button>
        )}
        <Text size="sm" c="dimmed">
          {verb === 'retry'
            ? 'They wait anew with all their attempts before them; their history stays.'
            : 'Waiting ones end at once; executing ones are told to stop.'}
        </Text>
        {'ids' in meant ? null : <Code block>{JSON.stringify(meant)}</Code>}
        {changed !== undefined && <SoFar changed={changed} matched={matched} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {changed === undefined ? 'Leave them' : 'Stop here'}
          </Button>
          <Button
            color={verb === 'cancel' ? 'red' : 'indigo'}
            disabled={matched === 0 && !isPartial}
            loading={changed !== undefined}
            data-autofocus
            onClick={() => void change()}
          >
            {verb === 'retry' ? 'Retry' : 'Cancel'} {amountText(matched, isPartial)}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function SoFar({ changed, matched }: { readonly changed: number; readonly matched: number }): ReactElement {
  return (
    <div>
      <Progress value={(changed / Math.max(1, matched)) * 100} animated aria-label="Progress" />
      <Text size="sm" c="dimmed" className="quiet-number">
        {countedText(changed, 'job')} so far
      </Text>
    </div>
  );
}

/** What the count has come to. */
function Found({
  verb,
  matched,
  isPartial,
}: {
  readonly verb: BulkVerb;
  readonly matched: number;
  readonly isPartial: boolean;
}): ReactElement {
  if (matched === 0) {
    return (
      <Text>
        {isPartial
          ? 'None found yet, and not all of the jobs have been looked at.'
          : 'None of these jobs can be changed so.'}
      </Text>
    );
  }
  return (
    <Text>
      {isPartial ? 'At least ' : ''}
      <strong>{countedText(matched, 'job')}</strong> will {verb === 'retry' ? 'run again' : 'be canceled'}.
    </Text>
  );
}

/** What the button is for: a number only when it is the whole one. */
function amountText(matched: number, isPartial: boolean): string {
  if (!isPartial) return countedText(matched, 'job');
  return matched === 0 ? 'all' : `all (${countedText(matched, 'job')} or more)`;
}

/** How a change ended, as a notification. */
function said(
  verb: BulkVerb,
  { count, executing, isWhole, error }: Changed,
): { readonly message: string; readonly color: string; readonly autoClose?: number } {
  const told = executing === 0 ? '' : `, ${countText(executing)} told to stop`;
  const sum =
    verb === 'retry'
      ? `${countedText(count, 'job')} will run again`
      : `${countedText(count - executing, 'job')} canceled${told}`;
  if (error) {
    const reason = error instanceof ApiError ? error.title : error.message;
    return { message: `${sum}. Then it failed: ${reason}`, color: 'red', autoClose: READING_MS };
  }
  if (isWhole) return { message: sum, color: 'teal' };
  return {
    message: `${sum}. It was stopped there; the rest is as it was.`,
    color: 'yellow',
    autoClose: READING_MS,
  };
}
