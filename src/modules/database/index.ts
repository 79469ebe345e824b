export { afterCommit } from './after-commit.js';
export { type ControlPool, type ControlQueries } from './control-pool.js';
export type { DatabaseState } from './database-contact.js';
export { DatabaseModule, type DatabaseModuleOptions } from './database.module.js';
export { Database, type DatabaseDescription, type DatabaseOptions } from './database.js';
export type { Entities, MigrationClass } from './data-source-options.js';
export type { DedicatedConnection } from './dedicated-connection.js';
export type { HotConnection, HotConnectionStats, HotQueries, PreparedStatement } from './hot-connection.js';
export {
  isBadValue,
  isConnectionLost,
  isItemFault,
  isLockTimeout,
  isTransient,
  isUndefinedTable,
  reasonOf,
  sqlState,
} from './sql-errors.js';
