import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OutputStream } from './output-stream.js';
import { Terminal } from './terminal.js';

class Screen implements OutputStream {
  written = '';
  readonly columns = 20;

  constructor(readonly isTTY: boolean) {}

  write(text: string): void {
    this.written += text;
  }
}

const ESCAPE = '\u001b';

describe('Terminal', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('colours what goes to a terminal', () => {
    const terminal = new Terminal(new Screen(true), new Screen(false), {});
    expect(terminal.paint('red', 'no')).toBe(`${ESCAPE}[31mno${ESCAPE}[0m`);
    expect(terminal.paintNote('red', 'no')).toBe('no');
  });

  it.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])('leaves colours out for %o', (env) => {
    expect(new Terminal(new Screen(true), new Screen(true), env).paint('red', 'no')).toBe('no');
  });

  it('colours in spite of an empty NO_COLOR', () => {
    expect(new Terminal(new Screen(true), new Screen(true), { NO_COLOR: '' }).paint('red', 'no')).not.toBe(
      'no',
    );
  });

  it('shows how far something is on stderr, cut to its width, and takes it away again', () => {
    const [out, err] = [new Screen(false), new Screen(true)];
    const indicator = new Terminal(out, err, {}).indicator('waiting');
    indicator.update('resizing many pictures', 0.5);
    vi.advanceTimersByTime(120);
    expect(err.written).toContain('waiting');
    expect(err.written).toContain('██████████░░░░░░░');
    expect(err.written).not.toContain('pictures');
    indicator.stop();
    expect(err.written.endsWith(`\r${ESCAPE}[2K`)).toBe(true);
    const { length } = err.written;
    vi.advanceTimersByTime(1_000);
    expect(err.written).toHaveLength(length);
    expect(out.written).toBe('');
  });

  it('writes nothing of a message that would steer the terminal', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen, screen, {});
    const text = `a${ESCAPE}]0;title\u0007b\u009b2Jc\rd`;
    terminal.print(`${terminal.paint('bold', 'x')}\t${text}`);
    expect(screen.written).toBe(`${ESCAPE}[1mx${ESCAPE}[0m\ta\\u001b]0;title\\u0007b\\u009b2Jc\\u000dd\n`);
    screen.written = '';
    terminal.print(JSON.stringify({ text }));
    expect(JSON.parse(screen.written)).toEqual({ text });
  });

  it('writes a line in place of the indicator, which comes back behind it', () => {
    const screen = new Screen(true);
    const terminal = new Terminal(screen, screen, {});
    const indicator = terminal.indicator('watching');
    terminal.print('done');
    expect(screen.written.endsWith(`watching\r${ESCAPE}[2Kdone\n`)).toBe(true);
    vi.advanceTimersByTime(120);
    expect(screen.written.endsWith('watching')).toBe(true);
    indicator.stop();
    terminal.print('end');
    expect(screen.written.endsWith(`\r${ESCAPE}[2Kend\n`)).toBe(true);
  });

  it('shows nothing where stderr is no terminal', () => {
    const err = new Screen(false);
    const indicator = new Terminal(new Screen(true), err, {}).indicator('waiting');
    indicator.update('more', 1);
    indicator.stop();
    expect(err.written).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });
});
