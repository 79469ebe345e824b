import type { Logger } from '@nestjs/common';
import { monotonicMs } from '../../../kernel/clock.js';

/** A sender that errs does so with every message; a line now and then tells as much as one each. */
const QUIET_MS = 10_000;
const LONGEST_LINE = 500;

/** Warns at most once in ten seconds, with how much it kept to itself. */
export class RefusalLog {
  private quietUntil = 0;
  private unsaid = 0;

  constructor(private readonly logger: Logger) {}

  note(text: string): void {
    const now = monotonicMs();
    if (now < this.quietUntil) {
      this.unsaid++;
      return;
    }
    const before = this.unsaid === 0 ? '' : ` (and ${this.unsaid} such before)`;
    this.logger.warn(`${text.slice(0, LONGEST_LINE)}${before}`);
    this.quietUntil = now + QUIET_MS;
    this.unsaid = 0;
  }
}
