import { RookeryError } from '../../kernel/errors.js';
import type { Handler } from './handler.js';
import type { JobType } from './job-type.js';

/** The job types this process knows, and the handlers of those it can run. Filled once at boot by the explorer. */
export class JobRegistry {
  private readonly types = new Map<string, JobType>();
  private readonly handlers = new Map<string, Handler>();

  /** Makes a type known. Throws when another type bears its name. */
  addType(type: JobType): void {
    const known = this.types.get(type.name);
    if (known && known !== type) {
      throw new RookeryError(
        'invalid_config',
        `two job types are named ${JSON.stringify(type.name)} (queues ${known.queue} and ${type.queue}); rename one of the defineJob calls`,
      );
    }
    this.types.set(type.name, type);
  }

  /** Makes a type known with its handler. Throws when it has another one. */
  addHandler(type: JobType, handler: Handler): void {
    this.addType(type);
    const known = this.handlers.get(type.name);
    if (known && known !== handler) {
      throw new RookeryError(
        'invalid_config',
        `job type ${JSON.stringify(type.name)} has two handlers, ${classOf(known)} and ${classOf(handler)}; keep one of them in the providers`,
      );
    }
    this.handlers.set(type.name, handler);
  }

  find(name: string): JobType | undefined {
    return this.types.get(name);
  }

  /** The type of that name; throws `unknown_job_name` with the names there are. */
  get(name: string): JobType {
    const type = this.types.get(name);
    if (type) return type;
    const names = [...this.types.keys()].sort();
    throw new RookeryError(
      'unknown_job_name',
      `there is no job type named ${JSON.stringify(name)}; known here: ${names.length > 0 ? names.join(', ') : 'none'}`,
      { name, known: names },
    );
  }

  handlerOf(name: string): Handler | undefined {
    return this.handlers.get(name);
  }

  /** Every type, by name. */
  get all(): readonly JobType[] {
    return [...this.types.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every queue of a known type, by name. */
  get queues(): readonly string[] {
    return [...new Set(this.all.map((type) => type.queue))].sort();
  }

  /**
   * The types a worker of this process runs, by queue: every type with a handler, on all queues or on those named. Throws when
   * a queue is named that has none, and when a queue has a handler for one of its types but not for another, whose jobs no
   * ticket could then reach.
   */
  servedBy(queueNames: readonly string[] | undefined): Map<string, readonly JobType[]> {
    const served = new Map<string, JobType[]>();
    for (const type of this.all) {
      if (!this.handlers.has(type.name) || (queueNames && !queueNames.includes(type.queue))) continue;
      served.set(type.queue, [...(served.get(type.queue) ?? []), type]);
    }
    const unserved = queueNames?.find((queue) => !served.has(queue));
    if (unserved !== undefined) {
      const known = [
        ...new Set(this.all.filter((type) => this.handlers.has(type.name)).map((type) => type.queue)),
      ];
      throw new RookeryError(
        'invalid_config',
        `no job type with a handler has the queue ${JSON.stringify(unserved)}; queues with handlers here: ${known.join(', ') || 'none'}`,
      );
    }
    const orphan = this.all.find((type) => served.has(type.queue) && !this.handlers.has(type.name));
    if (orphan) {
      throw new RookeryError(
        'invalid_config',
        `job type ${JSON.stringify(orphan.name)} of queue ${JSON.stringify(orphan.queue)} has no handler here; add a class with @JobHandler for it to a ` +
          `module's providers, give the type a queue of its own, or start this process with --queues without ${orphan.queue}`,
      );
    }
    return served;
  }
}

function classOf(handler: Handler): string {
  return handler.constructor.name;
}
