import { Logger } from '@nestjs/common';

/** More distinct reasons than this within one outage are not worth a line each. */
const MOST_REASONS = 5;

/** Whether tickets travel, said once a change, with the reason; a new reason within one outage is said too. */
export class Availability {
  private readonly logger = new Logger('Transport');
  private state: 'new' | 'there' | 'away' = 'new';
  private readonly reasons = new Set<string>();

  get isThere(): boolean {
    return this.state === 'there';
  }

  /** @param server what answered, as people know it */
  there(server: string): void {
    if (this.state === 'there') return;
    this.logger.log(this.state === 'new' ? `NATS is there: ${server}` : `NATS is back: ${server}`);
    this.state = 'there';
    this.reasons.clear();
  }

  away(reason: string): void {
    const isChange = this.state !== 'away';
    this.state = 'away';
    if (!isChange && (this.reasons.has(reason) || this.reasons.size >= MOST_REASONS)) return;
    this.reasons.add(reason);
    this.logger.warn(`NATS is away (${reason}); jobs are found in the table until it is back`);
  }

  /** Ends without a word: whoever stops needs no warning that it stopped. */
  stop(): void {
    this.state = 'new';
  }

  /** Something that is worth knowing and changes nothing; said once. */
  remark(text: string): void {
    if (this.reasons.has(text) || this.reasons.size >= MOST_REASONS) return;
    this.reasons.add(text);
    this.logger.warn(text);
  }
}
