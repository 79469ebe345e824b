import type { ReactElement } from 'react';
import { TimeAgo } from './time-ago.js';

const ISO = /(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z)/;
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** The server's words, with the times in them as the reader's clocks show them and as an age. */
export function TextWithTimes({ text }: { readonly text: string }): ReactElement {
  return (
    <>
      {text.split(ISO).map((part, index) =>
        ISO.test(part) ? (
          <span key={index}>
            {clock.format(new Date(part))} (<TimeAgo at={part} />)
          </span>
        ) : (
          part
        ),
      )}
    </>
  );
}
