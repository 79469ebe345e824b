import type { ReactElement } from 'react';
import type { Schedule } from '../../api/types.js';
import { Tag } from '../../parts/tag.js';

/** What keeps a schedule from firing; nothing when all is well. */
export function ScheduleState({
  schedule: { paused, orphaned, error },
}: {
  readonly schedule: Schedule;
}): ReactElement {
  return (
    <>
      {paused && <Tag tone="wait">paused</Tag>}
      {orphaned && <Tag tone="wait">no longer in code</Tag>}
      {error !== null && <Tag tone="bad">cannot fire</Tag>}
    </>
  );
}
