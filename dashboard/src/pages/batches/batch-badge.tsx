import type { ReactElement } from 'react';
import type { Batch } from '../../api/types.js';
import { Tag, type Tone } from '../../parts/tag.js';

const TONES: Readonly<Record<Batch['status'], Tone>> = {
  open: 'wait',
  running: 'run',
  complete: 'good',
  canceled: 'quiet',
};

/** A batch's state, told by word and colour. */
export function BatchBadge({ state }: { readonly state: Batch['status'] }): ReactElement {
  return <Tag tone={TONES[state]}>{state}</Tag>;
}
