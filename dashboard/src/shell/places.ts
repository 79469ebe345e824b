import type { IconName } from '../parts/icon.js';

/** The pages one can go to, with the key that goes there after `g`. */
export const places: readonly {
  readonly to: string;
  readonly name: string;
  readonly key: string;
  readonly icon: IconName;
}[] = [
  { to: '/', name: 'Overview', key: 'o', icon: 'overview' },
  { to: '/jobs', name: 'Jobs', key: 'j', icon: 'jobs' },
  { to: '/queues', name: 'Queues', key: 'q', icon: 'queue' },
  { to: '/workers', name: 'Workers', key: 'w', icon: 'worker' },
  { to: '/schedules', name: 'Schedules', key: 's', icon: 'clock' },
  { to: '/batches', name: 'Batches', key: 'b', icon: 'batch' },
];
