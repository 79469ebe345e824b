import { Tooltip, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import type { ReactElement } from 'react';
import { Icon } from './icon.js';

/** Enough of a UUIDv7's end to tell jobs apart: its beginning is the time, which is alike for neighbours. */
const TAIL = 8;

/**
 * An id, shortened where it stands in a row, that one click copies in full. Where the browser lets no page copy, as over plain HTTP, the click shows it
 * in full and selected.
 */
export function CopyId({
  id,
  isFull = false,
}: {
  readonly id: string;
  readonly isFull?: boolean;
}): ReactElement {
  const { copy, copied, error } = useClipboard();
  if (error) {
    return (
      <input
        className="copy-id-field"
        aria-label="Copy it by hand"
        value={id}
        readOnly
        autoFocus
        onFocus={({ currentTarget }) => currentTarget.select()}
      />
    );
  }
  return (
    <Tooltip label={copied ? 'Copied' : `Copy ${id}`}>
      <UnstyledButton onClick={() => copy(id)} className="copy-id">
        <VisuallyHidden>Copy id </VisuallyHidden>
        <code>{isFull ? id : `…${id.slice(-TAIL)}`}</code>
        <Icon name={copied ? 'check' : 'copy'} size={14} />
      </UnstyledButton>
    </Tooltip>
  );
}
