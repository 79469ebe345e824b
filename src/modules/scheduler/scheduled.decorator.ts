import type { ScheduleDefinition } from './schedule.js';

/** Metadata key under which a handler class lists its schedules; read by the explorer alone. */
export const SCHEDULES_METADATA = 'rookery:schedules';

/** A schedule in code: a definition with its name, for the jobs of the handler it stands on. */
export interface ScheduledOptions extends ScheduleDefinition {
  /** Unique in the whole installation; 1…64 of letters, digits, `:`, `_`, `.` and `-`. */
  readonly name: string;
}

/**
 * Enqueues a job for this handler whenever the schedule fires, exactly once for each nominal time however many processes run. Stands on a
 * class with `@JobHandler`, as often as there are schedules. Boot fails with the reason when one is wrong, or when two have one name.
 */
export function Scheduled(options: ScheduledOptions): ClassDecorator {
  return (target) => {
    const before = (Reflect.getMetadata(SCHEDULES_METADATA, target) ?? []) as readonly ScheduledOptions[];
    Reflect.defineMetadata(SCHEDULES_METADATA, [options, ...before], target);
  };
}
