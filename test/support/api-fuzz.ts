import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fc, { type Arbitrary } from 'fast-check';
import type { DocumentCheck, Operation, Parameter } from './document-check.js';
import { SchemaValues, type Hints } from './schema-values.js';

/** A request as it is sent. */
export interface FuzzedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Long waits are waited out; these are read and answered all the same. */
const WAITS = fc.constantFrom('0', '1', '1ms', '', 'x', '-1', '61s', '1e1', '0.5s', '∞');

/** A stream goes on until it is told to end, so it always is. */
const FOR = fc.constantFrom('1', '20ms', '', 'x', '0', '-1', '61m', '1e1', '∞');

/** What the router itself has to take or refuse; none is another route's name. */
const ODD_SEGMENTS = fc.constantFrom(
  '%ZZ',
  '%00',
  '%ff',
  '%F0%9F%92%A5',
  'a'.repeat(101),
  '%20',
  '~',
  '%2F',
  '-',
);

const TYPES = fc.constantFrom(
  'application/json',
  'application/json; charset=utf-8',
  'APPLICATION/JSON',
  'application/x-ndjson',
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/problem+json',
  ';',
);

const ODD_BODIES = fc.constantFrom(
  '',
  '{',
  'null',
  '[]',
  '{}',
  '""',
  '{"__proto__":1}',
  '{"a":1}{"a":2}',
  '\ufeff{}',
  '\u0000',
);

/** Sends requests made from the document, as it takes them and nearly so, and tells what does not fit it. */
export class ApiFuzz {
  /** How often each route answered with each class of status: `GET /job/{id} 2xx`. */
  readonly met = new Map<string, number>();
  private readonly values: SchemaValues;

  constructor(
    private readonly app: NestFastifyApplication,
    private readonly check: DocumentCheck,
    private readonly hints: Hints,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {
    this.values = new SchemaValues(check, hints);
  }

  /** Throws with the smallest request whose answer the document does not allow, or is a failure of the server. */
  async run(
    operation: Operation,
    { inputs, seed }: { readonly inputs: number; readonly seed?: number },
  ): Promise<void> {
    await fc.assert(
      fc.asyncProperty(this.requests(operation), async (request) => {
        const response = await this.app.inject({
          method: request.method as 'GET',
          url: request.url,
          headers: { ...this.headers, ...request.headers },
          ...(request.body !== undefined && { payload: request.body }),
        });
        const status = response.statusCode;
        const key = `${operation.method} ${operation.path} ${Math.floor(status / 100)}xx`;
        this.met.set(key, (this.met.get(key) ?? 0) + 1);
        const answer = {
          status,
          contentType: response.headers['content-type'] as string | undefined,
          text: response.body,
        };
        const complaint =
          status >= 500 ? `answered ${status}: ${response.body}` : this.check.complaint(operation, answer);
        if (complaint !== undefined) throw new Error(complaint);
      }),
      { numRuns: inputs, ...(seed !== undefined && { seed }) },
    );
  }

  private requests(operation: Operation): Arbitrary<FuzzedRequest> {
    const { method, path, parameters } = operation;
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    const [, root = ''] = path.split('/');
    const segments = fc.tuple(...inPath.map((parameter) => this.segment(parameter, root)));
    const url = fc.tuple(segments, this.query(parameters)).map(([values, query]) => {
      const filled = inPath.reduce((text, { name }, at) => text.replace(`{${name}}`, values[at] ?? ''), path);
      return query === '' ? filled : `${filled}?${query}`;
    });
    return fc
      .tuple(url, this.headersOf(parameters), this.body(operation))
      .map(([filled, headers, { body, type }]) => ({
        method,
        url: filled,
        headers: {
          ...(headers as Record<string, string>),
          ...(type !== undefined && { 'content-type': type }),
        },
        ...(body !== undefined && { body }),
      }));
  }

  /** Below `/batch` the hints of `batch.id` count, where there are any. */
  private segment({ name, schema }: Parameter, root: string): Arbitrary<string> {
    const hint = `${root}.${name}`;
    const valid = this.values
      .valid(schema, hint in this.hints ? hint : name)
      // A segment of dots is no segment but a way up.
      .map((value) => encodeURIComponent(String(value).toWellFormed()).replace(/^\.+$|^$/, '-'));
    return fc.oneof({ arbitrary: valid, weight: 5 }, { arbitrary: ODD_SEGMENTS, weight: 1 });
  }

  private query(parameters: readonly Parameter[]): Arbitrary<string> {
    const known = parameters
      .filter((parameter) => parameter.in === 'query')
      .map(({ name, schema }) => {
        const hint = `?${name}` in this.hints ? `?${name}` : name;
        if (name === 'for') return FOR.map((value) => [[name, value]]);
        const values =
          name === 'wait'
            ? WAITS
            : fc.oneof(
                { arbitrary: this.values.valid(schema, hint), weight: 4 },
                { arbitrary: this.values.broken(schema, hint), weight: 1 },
              );
        return fc.option(values, { freq: 2 }).map((value) => (value === null ? [] : pairsOf(name, value)));
      });
    const odd = fc.oneof(
      { arbitrary: fc.constant([] as string[][]), weight: 12 },
      {
        arbitrary: fc.constantFrom(
          [['nope', '1']],
          [
            ['limit', '1'],
            ['limit', '2'],
          ],
          [['__proto__', 'x']],
        ),
        weight: 1,
      },
    );
    return fc
      .tuple(odd, ...known)
      .map((pairs) => new URLSearchParams(pairs.flat() as [string, string][]).toString());
  }

  private headersOf(parameters: readonly Parameter[]): Arbitrary<Record<string, string | undefined>> {
    const known = parameters
      .filter((parameter) => parameter.in === 'header')
      .map(({ name }) => name.toLowerCase());
    if (known.length === 0) return fc.constant({});
    // What HTTP carries; more it does not let through.
    const value = fc.stringMatching(/^[!-~]{0,40}$/);
    return fc.record(Object.fromEntries(known.map((name) => [name, value])), { requiredKeys: [] });
  }

  private body({
    method,
    path,
    bodies,
  }: Operation): Arbitrary<{ readonly body?: string; readonly type?: string }> {
    if (method === 'GET')
      return fc.oneof(
        { arbitrary: fc.constant({}), weight: 9 },
        TYPES.map((type) => ({ type })),
      );
    const odd = fc.record({ body: ODD_BODIES, type: TYPES }, { requiredKeys: ['body'] });
    const empty = fc.constant({});
    const schema = bodies['application/json']?.schema;
    if (!schema) return fc.oneof({ arbitrary: empty, weight: 8 }, { arbitrary: odd, weight: 2 });
    const asJson = (value: unknown) => ({ body: JSON.stringify(value) ?? '', type: 'application/json' });
    const asLines = (value: unknown) => ({
      body: [value]
        .flat()
        .map((line) => JSON.stringify(line))
        .join('\n'),
      type: 'application/x-ndjson',
    });
    return fc.oneof(
      { arbitrary: this.values.valid(schema, `${method} ${path}`).map(asJson), weight: 6 },
      { arbitrary: this.values.broken(schema).map(asJson), weight: 4 },
      { arbitrary: this.values.broken(schema).map(asLines), weight: 1 },
      { arbitrary: odd, weight: 1 },
      { arbitrary: empty, weight: 1 },
    );
  }
}

/** A list is a parameter given several times. */
function pairsOf(name: string, value: unknown): string[][] {
  return (Array.isArray(value) ? value : [value]).map((one) => [name, asText(one)]);
}

function asText(value: unknown): string {
  return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed();
}
