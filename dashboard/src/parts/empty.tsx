import { Stack, Text } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';

/** Nothing to show, why, and what one can do about it. */
export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ReactNode;
}): ReactElement {
  return (
    <Stack gap="xs" p="md">
      <Text fw={600}>{title}</Text>
      {children}
    </Stack>
  );
}
