import type { QueueSettings } from '../api/types.js';

/** The units that a request knows, largest first. */
const UNITS = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'm' },
  { ms: 1_000, name: 's' },
] as const;

/** The timeout that is set, as a request takes it: `30s`, `none`; undefined when none is set. */
export function timeoutText({ timeoutMs }: QueueSettings): string | undefined {
  if (timeoutMs === null) return undefined;
  if (timeoutMs === 0) return 'none';
  const unit = UNITS.find(({ ms }) => timeoutMs % ms === 0);
  return unit ? `${timeoutMs / unit.ms}${unit.name}` : `${timeoutMs}ms`;
}

/** What is set for a queue, in words; undefined when nothing is. */
export function queueSettingsText(settings: QueueSettings): string | undefined {
  const { concurrency, retryConcurrency } = settings;
  const timeout = timeoutText(settings);
  const parts = [
    ...(concurrency === null ? [] : [`concurrency ${concurrency}`]),
    ...(retryConcurrency === null ? [] : [`${retryConcurrency} for retries`]),
    ...(timeout === undefined ? [] : [`timeout ${timeout}`]),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}
