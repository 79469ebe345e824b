export { roles, type ApiToken, type Role } from './api-tokens.js';
export { isLoopback } from './loopback.js';
export {
  CONFIG,
  logLevels,
  queueSettings,
  type LogLevel,
  type NatsSettings,
  type QueueSettings,
  type RookeryConfig,
} from './config.js';
export { defineConfig, loadConfig, type ConfigSources } from './load-config.js';
export { MOST_SLOTS, type RookerySettings } from './settings-schema.js';
export { ENTRIES, entryNames, hasApi, hasDashboard, type EntryName } from './entry-names.js';
export { flags, nearestFlag, readFlags, type Flag, type FlagReading } from './flags.js';
export { configError } from './assignment.js';
export { QUEUE_NAME, splitList } from './setting-kinds.js';
export { suggestion } from './suggestion.js';
export { helpText } from './help.js';
