/** Room for the offers whose outcome is not known, over all queues of this process. */
export class Outbox {
  private count = 0;

  /** @param limit most tickets on their way */
  constructor(private readonly limit: number) {}

  /** Takes room for a ticket; false when there is none. */
  enter(): boolean {
    if (this.count >= this.limit) return false;
    this.count++;
    return true;
  }

  leave(): void {
    this.count--;
  }
}
