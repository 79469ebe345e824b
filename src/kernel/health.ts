/** What one part of the process says of itself. */
export interface HealthReport {
  /** False when only a restart helps: liveness fails and the supervisor restarts the process. */
  readonly isLive: boolean;
  /** False while requests should go elsewhere: readiness fails, nothing is restarted. */
  readonly isReady: boolean;
  /** One line for the operator. */
  readonly detail: string;
}

/** Where the parts of a process register how they are; read by the health routes. */
export class Health {
  private readonly probes = new Map<string, () => HealthReport>();

  /** Adds or replaces the probe of a part; it must answer at once and not throw. */
  register(part: string, probe: () => HealthReport): void {
    this.probes.set(part, probe);
  }

  /** The report of every part, by name. */
  report(): Record<string, HealthReport> {
    return Object.fromEntries([...this.probes].map(([part, probe]) => [part, probe()]));
  }
}
