import { Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import { exactText } from '../text/exact-text.js';
import { relativeText } from '../text/relative-text.js';
import { useNow } from './use-now.js';

/** A time as an age that keeps up, with the exact one on hover and focus. */
export function TimeAgo({ at }: { readonly at: string }): ReactElement {
  const now = useNow();
  return (
    <Tooltip label={exactText(at)} events={{ hover: true, focus: true, touch: true }}>
      <time dateTime={at} className="quiet-number">
        {relativeText(Date.parse(at), now)}
      </time>
    </Tooltip>
  );
}
