import { partitionStatement, type Statement } from './partition-statement.js';

/**
 * The rows of an insert. Ids come as one array literal and payloads as one JSON array: the cheapest forms to make and
 * to parse. `queue`, `name`, `lane`, `max_attempts` are one value for the whole batch ($3–$6) when all jobs agree, and arrays
 * ($7–$10) when they do not; an array that no job needs is NULL.
 */
const rows = (schema: string): string => `
  SELECT i.id, coalesce(i.queue, $3) AS queue, coalesce(i.name, $4) AS name, coalesce(i.lane, $5::${schema}job_lane) AS lane,
         coalesce(i.max_attempts, $6::int) AS max_attempts, i.timeout_ms, i.object_id, i.retry_of, i.batch_id, i.schedule, i.due_at,
         i.trace, i.payload
    FROM ROWS FROM (unnest($1::uuid[], $7::text[], $8::text[], $9::${schema}job_lane[], $10::int[], $11::int[], $12::text[], $13::uuid[], $14::uuid[], $15::text[],
                           $16::timestamptz[], $18::text[]),
                    jsonb_array_elements($2::jsonb))
         AS i(id, queue, name, lane, max_attempts, timeout_ms, object_id, retry_of, batch_id, schedule, due_at, trace, payload)`;

interface InsertForm {
  /** What is inserted. */
  readonly input: string;
  /** The parameter with the time of the oldest id. */
  readonly oldestAt: string;
  readonly onConflict?: string;
  /** Prefix of every name, for callers whose search path is not ours. */
  readonly schema?: string;
  /** Born with due_at, whatever their ids say. */
  readonly isAlwaysLate?: boolean;
  /** The parameter with the worker that the rows are born claimed by. */
  readonly claimedBy?: string;
}

const COLUMNS =
  'id, queue, name, lane, max_attempts, timeout_ms, object_id, retry_of, batch_id, schedule, due_at, trace, payload';

/** A row whose id is 10 s old when the INSERT runs may already be behind its queue's watermark, so it is born with due_at and stays findable. */
const lateSql = (oldestAt: string): string =>
  `${oldestAt}::timestamptz < clock_timestamp() - interval '10 s'`;

/** Whether the oldest id is within a day of the database's clock; where it is not, nothing is inserted. */
const saneSql = (oldestAt: string): string =>
  `${oldestAt}::timestamptz BETWEEN clock_timestamp() - interval '1 day' AND clock_timestamp() + interval '1 day'`;

/** The time of the claim of rows that are born claimed; never before the oldest id. */
const claimedAtSql = (oldestAt: string): string => `greatest(clock_timestamp(), ${oldestAt}::timestamptz)`;

/** What the claim of rows that are born claimed adds to an INSERT. */
const claimOf = (
  claimedBy: string,
  claimedAt: string,
): { readonly columns: string; readonly values: string } => ({
  columns: ', status, run, attempt, worker_id, started_at',
  values: `, 'executing', 1, 1, ${claimedBy}::uuid, ${claimedAt}`,
});

/** Inserts the rows of `input`, and counts them. Answers one row, in which `isSane` is false when nothing was inserted for the clock's sake. */
function insert({
  input,
  oldestAt,
  onConflict = '',
  schema = '',
  isAlwaysLate = false,
  claimedBy,
}: InsertForm): string {
  const isLate = isAlwaysLate ? 'true' : lateSql(oldestAt);
  const claim = claimedBy === undefined ? undefined : claimOf(claimedBy, 'clock.claimed_at');
  return `
WITH input AS (${input}),
clock AS (SELECT CASE WHEN ${isLate} THEN clock_timestamp() END AS born_late_at,
                 ${claimedAtSql(oldestAt)} AS claimed_at, ${saneSql(oldestAt)} AS is_sane),
inserted AS (
  INSERT INTO ${schema}{job} AS job (${COLUMNS}${claim?.columns ?? ''})
  SELECT input.id, input.queue, input.name, input.lane, input.max_attempts, input.timeout_ms, input.object_id, input.retry_of,
         input.batch_id, input.schedule, coalesce(input.due_at, clock.born_late_at), input.trace, input.payload${claim?.values ?? ''}
    FROM input, clock WHERE clock.is_sane
  ${onConflict}
  RETURNING job.queue, job.name
),
counted AS (
  INSERT INTO ${schema}counter_delta (queue, name, enqueued${claim ? ', claimed' : ''})
  SELECT queue, name, count(*)${claim ? ', count(*)' : ''} FROM inserted GROUP BY queue, name
)
SELECT is_sane AS "isSane", claimed_at AS "claimedAt" FROM clock`;
}

/**
 * Inserts a single job, which needs no arrays, no grouping and no clock that several rows share: it is what an idle system waits for. Answers
 * a row, with the time of the claim if it is born claimed; none when nothing was inserted because its id is more than a day off the database's clock.
 */
function insertOne(claimedBy?: string): string {
  const claim = claimedBy === undefined ? undefined : claimOf(claimedBy, claimedAtSql('$14'));
  return `
WITH inserted AS (
  INSERT INTO {job} AS job (${COLUMNS}${claim?.columns ?? ''})
  SELECT $1::uuid, $3::text, $4::text, $5::job_lane, $6::int, $7::int, $8::text, $9::uuid, $10::uuid, $11::text,
         coalesce($12::timestamptz, CASE WHEN ${lateSql('$14')} THEN clock_timestamp() END), $13::text, $2::jsonb${claim?.values ?? ''}
   WHERE ${saneSql('$14')}
  RETURNING job.queue, job.name, job.started_at
),
counted AS (
  INSERT INTO counter_delta (queue, name, enqueued${claim ? ', claimed' : ''}) SELECT queue, name, 1${claim ? ', 1' : ''} FROM inserted
)
SELECT started_at AS "claimedAt" FROM inserted`;
}

const MANY = { input: rows(''), oldestAt: '$17' };

/** Inserts jobs of one day. Locks nothing but its own new rows. */
export const INSERT_JOBS = partitionStatement('insert', insert(MANY));

/** The same for one job, with other parameters and another answer: see `insertOne`. */
export const INSERT_JOB = partitionStatement('insert_one', insertOne());

/** The same for jobs that a worker of this process has slots for: they are stored as it would have claimed them. */
export const INSERT_CLAIMED_JOBS = partitionStatement(
  'insert_claimed',
  insert({ ...MANY, claimedBy: '$19' }),
);
export const INSERT_CLAIMED_JOB = partitionStatement('insert_claimed_one', insertOne('$15'));

/**
 * Both after an answer was lost: rows that the lost try stored are left as they are, and not counted twice. Not used
 * for first tries because ON CONFLICT inserts speculatively, one more WAL record a row.
 */
const REPEATED = { ...MANY, onConflict: 'ON CONFLICT (id) DO NOTHING' };
export const REPEAT_INSERT_JOBS = partitionStatement('reinsert', insert(REPEATED));
export const REPEAT_INSERT_CLAIMED_JOBS = partitionStatement(
  'reinsert_claimed',
  insert({ ...REPEATED, claimedBy: '$19' }),
);

/**
 * The insert for a caller's own transaction: every table under its schema, because the search path is the caller's, and every row
 * born with due_at, because the commit may come when the watermark has passed the id.
 */
export const insertJobsIn = (schema: string): ((day: number) => Statement) =>
  partitionStatement('insert', insert({ input: rows(schema), oldestAt: '$17', schema, isAlwaysLate: true }));

/** Of these ids ($1), those that are stored: asked when an answer was lost, before any key is judged. */
export const STORED_AMONG = partitionStatement(
  'stored_among',
  `SELECT id FROM {job} WHERE id = ANY ($1::uuid[])`,
);

/**
 * Takes the transaction's lock on each key that nobody else holds, and returns those keys. Advisory locks, because they can
 * be tried without waiting: a key in a stranger's open transaction answers at once. Keys come sorted, so two statements
 * that want the same keys take them in one order.
 */
export const TRY_LOCK_KEYS = {
  name: 'try_lock_keys',
  text: `SELECT key FROM unnest($1::text[]) WITH ORDINALITY AS wanted(key, place)
          WHERE pg_try_advisory_xact_lock(hashtextextended(key, 0)) ORDER BY place`,
};

/**
 * Reads who holds these keys now. Run after the locks, in a statement of its own, so that its snapshot sees whatever the last
 * owner of each lock committed. A key without expiry is held for as long as its job is open; so whatever ends a job
 * frees its key in the same statement, without touching this table.
 */
export const liveKeys = (schema = ''): Statement => ({
  name: 'live_keys',
  text: `SELECT k.key, k.job_id AS "jobId",
                ceil(extract(epoch FROM k.expires_at - clock_timestamp()) * 1000)::float8 AS "remainingMs"
           FROM ${schema}job_key k
          WHERE k.key = ANY ($1::text[])
            AND CASE WHEN k.expires_at IS NULL
                     THEN EXISTS (SELECT FROM ${schema}job j WHERE j.id = k.job_id AND j.status IN ('waiting', 'executing'))
                     ELSE k.expires_at > clock_timestamp() END`,
});

/** Writes the keys of jobs about to be inserted; the caller holds their locks and has seen that no live job holds them. */
export const putKeys = (schema = ''): Statement => ({
  name: 'put_keys',
  text: `INSERT INTO ${schema}job_key (key, job_id, expires_at)
         SELECT key, job_id, clock_timestamp() + held_ms * interval '1 ms'
           FROM unnest($1::text[], $2::uuid[], $3::float8[]) AS k(key, job_id, held_ms)
             ON CONFLICT (key) DO UPDATE SET job_id = excluded.job_id, expires_at = excluded.expires_at`,
});
