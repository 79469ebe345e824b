import { Skeleton, Stack } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactElement, ReactNode } from 'react';
import { ProblemAlert } from './problem-alert.js';

/** Shows what was asked for: a placeholder before, the problem when it failed, and both the last answer and the problem after. */
export function QueryView<Answer>({
  query,
  lines = 3,
  children,
}: {
  readonly query: UseQueryResult<Answer>;
  readonly lines?: number;
  readonly children: (answer: Answer) => ReactNode;
}): ReactElement {
  const { data, error } = query;
  return (
    <Stack gap="sm">
      {error && <ProblemAlert error={error} onRetry={() => void query.refetch()} />}
      {data !== undefined && children(data)}
      {data === undefined && !error && (
        <Stack gap="xs" aria-busy="true" aria-label="Loading">
          {Array.from({ length: lines }, (_, line) => (
            <Skeleton key={line} height={22} />
          ))}
        </Stack>
      )}
    </Stack>
  );
}
