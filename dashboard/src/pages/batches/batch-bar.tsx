import type { ReactElement } from 'react';
import type { Batch } from '../../api/types.js';
import { ShareBar } from '../../parts/share-bar.js';

/** How a batch's members stand, as shares of a bar. */
export function BatchBar({
  batch: { total, done, failed, canceled },
}: {
  readonly batch: Batch;
}): ReactElement {
  return (
    <ShareBar
      label={`${done} done, ${failed} failed, ${canceled} canceled of ${total}`}
      total={total}
      parts={[
        { count: done, tone: 'good' },
        { count: failed, tone: 'bad' },
        { count: canceled, tone: 'quiet' },
      ]}
    />
  );
}
