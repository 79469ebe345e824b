import type { ReactElement } from 'react';
import type { JobState } from '../api/types.js';
import { Tag, type Tone } from './tag.js';

const TONES: Readonly<Record<JobState, Tone>> = {
  waiting: 'wait',
  executing: 'run',
  done: 'good',
  failed: 'bad',
  canceled: 'quiet',
};

/** A job's state, told by word and colour. */
export function StateBadge({ state }: { readonly state: JobState }): ReactElement {
  return <Tag tone={TONES[state]}>{state}</Tag>;
}
