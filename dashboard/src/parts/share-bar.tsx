import type { ReactElement } from 'react';
import type { Tone } from './tag.js';

/** Parts of a whole as a bar; the label says the same in words. */
export function ShareBar({
  label,
  total,
  parts,
}: {
  readonly label: string;
  readonly total: number;
  readonly parts: readonly { readonly count: number; readonly tone: Tone }[];
}): ReactElement {
  return (
    <div className="share-bar" role="img" aria-label={label}>
      {parts.map(({ count, tone }) => (
        <span key={tone} data-tone={tone} style={{ width: `${total === 0 ? 0 : (count / total) * 100}%` }} />
      ))}
    </div>
  );
}
