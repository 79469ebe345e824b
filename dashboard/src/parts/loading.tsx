import { Skeleton, Stack } from '@mantine/core';
import type { ReactElement } from 'react';

/** The place of a page that is being fetched. */
export function Loading(): ReactElement {
  return (
    <Stack gap="md" aria-busy="true" aria-label="Loading">
      <Skeleton height={28} width={180} />
      <Skeleton height={220} />
    </Stack>
  );
}
