import { Stack, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { apiRoot } from '../api/client.js';
import { ShownCommand } from './shown-command.js';

/** What to do where there is nothing to see yet. */
export function FirstJob({ lead }: { readonly lead: string }): ReactElement {
  const body = `'{"name":"example:job","payload":{"param":"hello"}}'`;
  return (
    <Stack gap="sm" p="md">
      <Text>{lead}</Text>
      <Text size="sm" c="dimmed">
        Enqueue one from a shell; it appears here within seconds:
      </Text>
      <ShownCommand text={`curl ${apiRoot.href}job -H 'content-type: application/json' -d ${body}`} />
    </Stack>
  );
}
