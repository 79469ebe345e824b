import fc, { type Arbitrary } from 'fast-check';

/** Bytes as they come over a wire from anyone: jobs, nearly jobs, and what is neither. */

const NASTY_JSON: readonly string[] = [
  '',
  '{',
  'null',
  '[]',
  '""',
  '\ufeff{}',
  '\u0000',
  '{"__proto__":{"name":"paint"}}',
  '{"name":"paint","payload":{"constructor":{"prototype":{"x":1}}}}',
  '{"name":"paint","payload":{"__proto__":1}}',
  '{"name":"paint","payload":"\\ud800"}',
  '{"name":"paint","payload":"\\u0000"}',
  '{"name":"paint","payload":{"\\u0000":1}}',
  '{"name":"paint","payload":1e999}',
  '{"name":"paint","payload":-0}',
  '{"name":"paint","payload":123456789012345678901234567890}',
  '{"name":"paint","payload":"\u202e\ufffe\ud83d\udca5"}',
  '{"name":"paint","payload":{},"name":"greet"}',
  '{"name":"paint","payload":{},"maxAttempts":1e400}',
  '{"name":"paint","payload":{},"delay":9007199254740993}',
  '{"name":"paint","payload":{},"runAt":"+275760-09-13T00:00:00Z"}',
  `{"name":"paint","payload":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
  '['.repeat(20_000),
  `{"name":"paint","payload":"${'x'.repeat(70_000)}"}`,
];

const plainJob = fc.record(
  {
    name: fc.constantFrom('paint', 'paint', 'greet', 'nobody'),
    payload: fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constant({ to: 'you' })),
    objectId: fc.string({ maxLength: 20, unit: 'binary' }),
    lane: fc.constantFrom('high', 'low', 'urgent'),
    maxAttempts: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.double()),
    delay: fc.constantFrom(0, '1h', -1, '1'),
    timeout: fc.constantFrom('1s', 'none', 5, 0),
  },
  { requiredKeys: ['name', 'payload'] },
);

const jobText = fc.oneof(
  { weight: 5, arbitrary: plainJob.map((job) => JSON.stringify(job)) },
  { weight: 2, arbitrary: fc.constantFrom(...NASTY_JSON) },
);

/** The bytes with one place in them changed, as a bad cable or a bad client changes them. */
function damaged(bytes: Arbitrary<Buffer>): Arbitrary<Buffer> {
  const damage = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('replace', 'cut', 'double', 'insert'),
    byte: fc.nat(255),
  });
  return fc.tuple(bytes, damage).map(([whole, { at, kind, byte }]) => {
    const place = whole.length === 0 ? 0 : at % whole.length;
    const [before, after] = [whole.subarray(0, place), whole.subarray(place)];
    switch (kind) {
      case 'cut':
        return before;
      case 'double':
        return Buffer.concat([whole, after]);
      case 'insert':
        return Buffer.concat([before, Buffer.of(byte), after]);
      default:
        return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
    }
  });
}

function orDamaged(bytes: Arbitrary<Buffer>): Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 4, arbitrary: bytes },
    { weight: 2, arbitrary: damaged(bytes) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((noise) => Buffer.from(noise)) },
  );
}

/** One job, or what was to be one. */
export const jobBytes = orDamaged(jobText.map((text) => Buffer.from(text)));

const lines = fc
  .tuple(fc.array(jobText, { maxLength: 5 }), fc.constantFrom('\n', '\r\n', '\n\n', '\r'))
  .map(([all, end]) => Buffer.from(all.join(end)));
const list = fc.array(plainJob, { maxLength: 5 }).map((jobs) => Buffer.from(JSON.stringify(jobs)));

const TYPES = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'application/x-ndjson',
  'text/plain',
  'multipart/form-data; boundary=x',
  ';',
  '\x80',
];

const ODD_HEADERS = [
  `x-long: ${'a'.repeat(10_000)}`,
  `x-huge: ${'a'.repeat(20_000)}`,
  'x bad: 1',
  ': 1',
  'x-nul: \0',
  'host: other',
  'expect: 100-continue',
  'expect: nothing',
  'upgrade: websocket',
  'content-encoding: gzip',
  'idempotency-key: ',
  `idempotency-key: ${'k'.repeat(300)}`,
  'authorization: Bearer x',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip',
  'content-length: -1',
  'content-length: 5, 6',
  'content-length: 99999999999999999999',
  '__proto__: 1',
];

const lengths = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: -20, max: 20 }) },
);

interface Head {
  readonly method: string;
  readonly path: string;
  readonly version: string;
  readonly type: string | null;
  readonly odd: readonly string[];
  readonly off: number;
}

const heads: Arbitrary<Head> = fc.record({
  method: fc.oneof(
    { weight: 12, arbitrary: fc.constant('POST') },
    { weight: 1, arbitrary: fc.constantFrom('GET', 'PUT', 'post', 'BREW', 'CONNECT', 'OPTIONS', 'HEAD', '') },
  ),
  path: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom('/job', '/job/bulk') },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '/%',
        '//',
        '*',
        '',
        '/job/%00',
        '/job?x=\x80',
        `/${'a'.repeat(9_000)}`,
        '/../job',
      ),
    },
  ),
  version: fc.oneof(
    { weight: 20, arbitrary: fc.constant('HTTP/1.1') },
    { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'SIP/2.0', '') },
  ),
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('application/json', 'application/x-ndjson') },
    { weight: 2, arbitrary: fc.constantFrom(...TYPES) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  odd: fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.subarray(ODD_HEADERS, { minLength: 1, maxLength: 2 }) },
  ),
  off: lengths,
});

function requestOf({ method, path, version, type, odd, off }: Head, body: Buffer): Buffer {
  const head = [
    `${method} ${path} ${version}`,
    'host: localhost',
    'connection: close',
    ...(type === null ? [] : [`content-type: ${type}`]),
    `content-length: ${Math.max(0, body.length + off)}`,
    ...odd,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** What a client writes to its socket. */
export interface HttpInput {
  readonly bytes: Buffer;
  /** True when it begins with a head that ends and all of the body that this says follows: a server has no more to wait for, and answers. */
  readonly isWhole: boolean;
}

/** A request as a client might write it to its socket, up to and beyond what is HTTP. */
export const httpInputs: Arbitrary<HttpInput> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(heads, fc.oneof(jobBytes, orDamaged(lines), orDamaged(list)))
      .map(([head, body]) => ({ bytes: requestOf(head, body), isWhole: isWhole(head) })),
  },
  {
    weight: 1,
    arbitrary: damaged(fc.tuple(heads, jobBytes).map(([head, body]) => requestOf(head, body))).map(
      (bytes) => ({ bytes, isWhole: false }),
    ),
  },
);

/**
 * An odd header may say that another body follows than the one that does, or none. Node closes the connection of a CONNECT that nobody listens
 * for, without an answer.
 */
function isWhole({ method, odd, off }: Head): boolean {
  return off <= 0 && odd.length === 0 && method !== 'CONNECT';
}

/** A request over NATS, with a reply to wait for or without. */
export const messages = (
  ids: readonly string[],
): Arbitrary<{ subject: string; data: Buffer; isSilent: boolean }> => {
  const id = fc.oneof(fc.constantFrom(...ids), fc.uuid(), fc.string({ unit: 'binary', maxLength: 40 }));
  const ofId = orDamaged(id.map((text) => Buffer.from(JSON.stringify({ id: text }))));
  const enveloped = jobText.map((text) => Buffer.from(`{"pattern":"jobs.create","id":"1","data":${text}}`));
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        subject: fc.constant('jobs.create'),
        data: fc.oneof({ weight: 4, arbitrary: jobBytes }, { weight: 1, arbitrary: enveloped }),
        isSilent: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        subject: fc.constantFrom('jobs.status', 'jobs.cancel'),
        data: fc.oneof(ofId, jobBytes),
        isSilent: fc.boolean(),
      }),
    },
  );
};
