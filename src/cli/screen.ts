import type { OutputStream } from './output-stream.js';

/** The terminal's other screen, without a cursor; what was there before comes back with the end. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const ERASE_REST_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

// eslint-disable-next-line no-control-regex -- it is about them
const COLOUR = /(\u001b\[\d{1,2}m)/;

/** A whole terminal to draw on, again and again. */
export class Screen {
  /** @param safe makes text from others harmless to a terminal */
  constructor(
    private readonly stream: OutputStream,
    private readonly safe: (line: string) => string,
  ) {
    stream.write(ENTER);
  }

  get rows(): number {
    return this.stream.rows || USUAL_ROWS;
  }

  /** Shows these lines in place of what was shown; what does not fit is cut off. */
  draw(lines: readonly string[]): void {
    const columns = this.stream.columns || USUAL_COLUMNS;
    const shown = lines
      .slice(0, this.rows)
      .map((line) => `${cut(this.safe(line), columns)}${ERASE_REST_OF_LINE}`);
    this.stream.write(`${HOME}${shown.join('\r\n')}${ERASE_BELOW}`);
  }

  close(): void {
    this.stream.write(LEAVE);
  }
}

/** At most so many characters of the line; its colours take no room. */
export function cut(line: string, columns: number): string {
  let left = columns;
  const parts = line.split(COLOUR).map((part) => {
    if (COLOUR.test(part)) return part;
    const kept = [...part].slice(0, left);
    left -= kept.length;
    return kept.join('');
  });
  return parts.join('');
}
