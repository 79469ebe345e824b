import { useEffect, useRef } from 'react';
import { useNavigate } from 'react-router';
import { places } from './places.js';

/** The second key of `g j` is waited for this long. */
const LONGEST_PAUSE_MS = 1_200;

/** Keys that work wherever nobody types: `/` to the search, `g` and a letter to a page, `?` for this list. */
export function useKeys({
  focusSearch,
  showHelp,
}: {
  readonly focusSearch: () => void;
  readonly showHelp: () => void;
}): void {
  const navigate = useNavigate();
  const startedAt = useRef(-Infinity);
  useEffect(() => {
    const hear = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const isSecond = event.timeStamp - startedAt.current < LONGEST_PAUSE_MS;
      startedAt.current = event.key === 'g' && !isSecond ? event.timeStamp : -Infinity;
      const place = isSecond ? places.find(({ key }) => key === event.key) : undefined;
      if (place) void navigate(place.to);
      else if (event.key === '/') {
        event.preventDefault();
        focusSearch();
      } else if (event.key === '?') showHelp();
    };
    document.addEventListener('keydown', hear);
    return () => document.removeEventListener('keydown', hear);
  }, [navigate, focusSearch, showHelp]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
