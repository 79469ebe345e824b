import { CopyButton, Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core';
import type { ReactElement } from 'react';
import { Icon } from './icon.js';

/** Enough of a UUIDv7's end to tell jobs apart: its beginning is the time, which is alike for neighbours. */
const TAIL = 8;

/** An id, shortened where it stands in a row, that one click copies in full. */
export function CopyId({
  id,
  isFull = false,
}: {
  readonly id: string;
  readonly isFull?: boolean;
}): ReactElement {
  return (
    <CopyButton value={id}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : `Copy ${id}`}>
          <UnstyledButton onClick={copy} className="copy-id">
            <VisuallyHidden>Copy id </VisuallyHidden>
            <code>{isFull ? id : `…${id.slice(-TAIL)}`}</code>
            <Icon name={copied ? 'check' : 'copy'} size={14} />
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  );
}
