const MEGABYTE = 1024 * 1024;

/** Measured: more than this no longer pays for the jobs' recent partitions. */
const MOST_BUFFERS_MB = 1024;
/** PostgreSQL's own default; less is slow on any machine that runs it at all. */
const LEAST_BUFFERS_MB = 128;

/**
 * The server's settings for a job queue on a machine with that much memory: durable, few long-lived connections, a hot
 * recent partition, nothing of replication. `overrides` win; only `port` is decided elsewhere.
 */
export function serverSettings(
  memoryBytes: number,
  overrides: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const quarter = Math.floor(memoryBytes / 4 / MEGABYTE);
  const buffers = Math.max(LEAST_BUFFERS_MB, Math.min(MOST_BUFFERS_MB, quarter));
  return {
    // Only this machine's processes get in, by password.
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '100',
    // A request of 10,000 jobs locks up to two keys each until its commit; with PostgreSQL's 64 a single one found no room.
    max_locks_per_transaction: '256',
    shared_buffers: `${buffers}MB`,
    huge_pages: 'try',
    // Durability is the point of the whole; said here so that nobody wonders.
    fsync: 'on',
    synchronous_commit: 'on',
    // No standby reads this log, so it carries what crash recovery needs and no more.
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_replication_slots: '0',
    max_logical_replication_workers: '0',
    // Each checkpoint makes every page's next change write the whole page: rare ones keep the log small.
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    // Small tables (workers, counters, keys) are rewritten all day and stay fast only while they stay small.
    autovacuum_naptime: '30s',
    autovacuum_vacuum_scale_factor: '0.1',
    autovacuum_analyze_scale_factor: '0.05',
    // A killed worker's long statement ends soon, and with it its locks.
    client_connection_check_interval: '10s',
    TimeZone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
    // A checkpoint each quarter of an hour, forever, is no news.
    log_checkpoints: 'off',
    ...overrides,
  };
}
