/** Callbacks for one kind of event. Each is called in a task of its own, and one that throws hurts no other. */
export class Listeners<Event> {
  /** An entry a subscription, so that a function added twice is called twice and removed once. */
  private readonly entries = new Set<{ readonly listener: (event: Event) => unknown }>();

  /** @param onError gets whatever a listener throws or rejects with */
  constructor(private readonly onError: (error: unknown) => void) {}

  /** Adds a listener; the function returned removes it, also for events that are on their way. */
  add(listener: (event: Event) => unknown): () => void {
    const entry = { listener };
    this.entries.add(entry);
    return () => void this.entries.delete(entry);
  }

  /** Calls every listener soon, never before it returns. */
  emit(event: Event): void {
    for (const entry of this.entries) {
      void Promise.resolve()
        .then(() => (this.entries.has(entry) ? entry.listener(event) : undefined))
        .catch(this.onError);
    }
  }

  clear(): void {
    this.entries.clear();
  }
}
