import type { ReactElement, ReactNode } from 'react';

/** What a tag says of what it stands beside; each has a colour that can be read in both schemes. */
export type Tone = 'wait' | 'run' | 'good' | 'bad' | 'quiet';

/** A word on a patch of colour. */
export function Tag({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactElement {
  return (
    <span className="tag" data-tone={tone}>
      {children}
    </span>
  );
}
