import { ActionIcon, Code, CopyButton, Group, Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon } from './icon.js';

/** A command to be typed elsewhere, with a button that copies it. */
export function ShownCommand({ text }: { readonly text: string }): ReactElement {
  return (
    <Group gap="xs" wrap="nowrap" align="flex-start">
      <Code block className="command" tabIndex={0}>
        {text}
      </Code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy'}>
            <ActionIcon variant="default" onClick={copy} aria-label="Copy the command">
              <Icon name={copied ? 'check' : 'copy'} size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  );
}
