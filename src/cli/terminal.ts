import type { OutputStream } from './output-stream.js';
import { Screen } from './screen.js';

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Colour = keyof typeof codes;

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 120;
const BAR_WIDTH = 20;

// eslint-disable-next-line no-control-regex -- control characters are what it is about; line breaks and tabs stay
const UNSAFE = /\u001b(?!\[\d{1,2}m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;

const ERASE_LINE = '\r\u001b[2K';
/** For a terminal that does not tell its own. */
const USUAL_COLUMNS = 80;

/** Something that waits, shown while it does. */
export interface Indicator {
  /** Shows how far it is, 0…1, unless that is unknown, and a note. */
  update(note: string, fraction?: number): void;
  /** Takes the indicator away. */
  stop(): void;
}

/** Where a command writes. Answers go to stdout, everything else to stderr; colours and indicators only where a person looks. */
export class Terminal {
  /** Takes a shown indicator off its line, so that another line may be written there. */
  private erase: (() => void) | undefined;

  constructor(
    private readonly stdout: OutputStream,
    private readonly stderr: OutputStream,
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {}

  print(line: string): void {
    this.erase?.();
    this.stdout.write(`${safe(line)}\n`);
  }

  /** A line that is no answer: a hint, or an error. */
  note(line: string): void {
    this.erase?.();
    this.stderr.write(`${safe(line)}\n`);
  }

  /** The text in a colour, when stdout is a terminal that wants colours. */
  paint(colour: Colour, text: string): string {
    return this.hasColours(this.stdout) ? painted(colour, text) : text;
  }

  /** As `paint`, for what goes to stderr. */
  paintNote(colour: Colour, text: string): string {
    return this.hasColours(this.stderr) ? painted(colour, text) : text;
  }

  /** An indicator on stderr; where that is no terminal it shows nothing. */
  indicator(note: string): Indicator {
    if (this.stderr.isTTY !== true || this.env['TERM'] === 'dumb') return { update: nothing, stop: nothing };
    const shown = spinner(this.stderr, note);
    this.erase = () => this.stderr.write(ERASE_LINE);
    return {
      update: (newNote, fraction) => shown.update(newNote, fraction),
      stop: () => {
        this.erase = undefined;
        shown.stop();
      },
    };
  }

  /** The whole of stdout to draw on, until it is closed; undefined where that is no terminal. */
  screen(): Screen | undefined {
    const isScreen = this.stdout.isTTY === true && this.env['TERM'] !== 'dumb';
    return isScreen ? new Screen(this.stdout, safe) : undefined;
  }

  private hasColours(stream: OutputStream): boolean {
    const { NO_COLOR, TERM } = this.env;
    return stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
  }
}

/**
 * The line without what would steer a terminal, but for our colours: names and messages come from whoever enqueued the job. Such
 * characters are written as JSON writes them, so that JSON stays the same.
 */
function safe(line: string): string {
  return line.replaceAll(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function painted(colour: Colour, text: string): string {
  return `\u001b[${codes[colour]}m${text}\u001b[0m`;
}

function nothing(): void {
  // There is nobody to show it to.
}

function spinner(stream: OutputStream, firstNote: string): Indicator {
  let shown = firstNote;
  let frame = 0;
  const width = stream.columns === undefined || stream.columns === 0 ? USUAL_COLUMNS : stream.columns;
  const draw = (): void => {
    const line = safe(`${FRAMES[frame++ % FRAMES.length] ?? ''} ${shown}`);
    stream.write(`${ERASE_LINE}${line.slice(0, width - 1)}`);
  };
  draw();
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  return {
    update: (note, fraction) => {
      shown = fraction === undefined ? note : `${bar(fraction)} ${note}`;
    },
    stop: () => {
      clearInterval(timer);
      stream.write(ERASE_LINE);
    },
  };
}

function bar(fraction: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${Math.round(fraction * 100)} %`;
}
