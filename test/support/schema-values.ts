import fc, { type Arbitrary } from 'fast-check';
import type { DocumentCheck, Schema } from './document-check.js';

/** Values that lead somewhere, by the name of the field or parameter they are for. */
export type Hints = Readonly<Record<string, Arbitrary<unknown>>>;

/** Longer texts and lists find nothing that these do not. */
const LONGEST_TEXT = 40;
const LONGEST_LIST = 4;
const MOST_OPTIONAL = 3;

/** Makes values that a schema of the document takes, and values that are nearly so. */
export class SchemaValues {
  constructor(
    private readonly check: DocumentCheck,
    private readonly hints: Hints,
  ) {}

  /** Values the schema takes; of a field with a hint, mostly that. */
  valid(schema: Schema, name = ''): Arbitrary<unknown> {
    const values = this.plain(this.check.resolved(schema));
    const hint = this.hints[name];
    return hint ? fc.oneof({ arbitrary: hint, weight: 3 }, { arbitrary: values, weight: 1 }) : values;
  }

  /** The same with one place in it changed, removed or added, whatever that makes of it. */
  broken(schema: Schema, name = ''): Arbitrary<unknown> {
    const change = fc.record({
      place: fc.nat(),
      kind: fc.constantFrom('replace', 'drop', 'add'),
      value: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...NASTY)),
      key: fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('__proto__', 'constructor', 'toString')),
    });
    return fc.tuple(this.valid(schema, name), change).map(([value, { place, kind, value: other, key }]) => {
      const nodes = countNodes(value);
      return changed(value, { at: place % nodes, kind, other, key });
    });
  }

  private plain(schema: Schema): Arbitrary<unknown> {
    const { enum: choices, const: only, anyOf, oneOf, type } = schema as SchemaWords;
    if (choices) return fc.constantFrom(...choices);
    if (only !== undefined) return fc.constant(only);
    const options = anyOf ?? oneOf;
    if (options) return fc.oneof(...options.map((option) => this.valid(option)));
    if (Array.isArray(type)) return fc.oneof(...type.map((one) => this.plain({ ...schema, type: one })));
    return this.ofType(type, schema);
  }

  private ofType(type: unknown, schema: SchemaWords): Arbitrary<unknown> {
    switch (type) {
      case 'string':
        return texts(schema);
      case 'integer':
        return fc.integer({ min: schema.minimum ?? -1_000, max: schema.maximum ?? 2_000_000_000 });
      case 'number':
        return fc.double({ noNaN: true, noDefaultInfinity: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'array':
        return fc.array(this.valid(schema.items ?? {}), {
          minLength: schema.minItems ?? 0,
          maxLength: LONGEST_LIST,
        });
      case 'object':
        return this.objects(schema);
      default:
        return fc.jsonValue({ maxDepth: 3 });
    }
  }

  private objects({ properties = {}, required = [], additionalProperties }: SchemaWords): Arbitrary<unknown> {
    const fields = Object.entries(properties).map(
      ([name, schema]) => [name, this.valid(schema, name)] as const,
    );
    const optional = fields.map(([name]) => name).filter((name) => !required.includes(name));
    // Few at a time: of many fields, one is always wrong, and nothing behind it is ever reached.
    const known = fc
      .subarray(optional, { maxLength: Math.min(MOST_OPTIONAL, optional.length) })
      .chain((chosen) => {
        const present = fields.filter(([name]) => required.includes(name) || chosen.includes(name));
        return fc.record(Object.fromEntries(present));
      });
    if (fields.length > 0 || additionalProperties === false) return known;
    return fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  }
}

interface SchemaWords {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
}

/** What JSON, JavaScript and PostgreSQL have different opinions of. */
const NASTY: readonly unknown[] = [
  null,
  '',
  '\u0000',
  '\ud800',
  '💥',
  -0,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '9007199254740993',
  '0x10',
  '1e9',
  'NaN',
  '2026-02-30T25:61:00Z',
  '+275760-09-13T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '-1s',
  '99999999999999d',
  [],
  {},
  [[[[[]]]]],
];

function texts({ format, pattern, minLength = 0, maxLength = LONGEST_TEXT }: SchemaWords): Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    return fc
      .date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength: LONGEST_TEXT });
  return fc.string({ minLength, maxLength: Math.min(maxLength, LONGEST_TEXT), unit: 'grapheme' });
}

interface Change {
  /** The node, counted from the root. */
  readonly at: number;
  readonly kind: string;
  readonly other: unknown;
  readonly key: string;
}

function countNodes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce<number>((sum, child) => sum + countNodes(child), 0);
}

/** The value with that node changed; what JSON.stringify leaves out of it is dropped. */
function changed(value: unknown, change: Change): unknown {
  let left = change.at;
  const visit = (node: unknown): unknown => {
    if (left-- === 0) return replaced(node, change);
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, visit(child)]));
  };
  return visit(value);
}

function replaced(node: unknown, { kind, other, key }: Change): unknown {
  if (kind === 'drop') return undefined;
  if (kind === 'add' && typeof node === 'object' && node !== null && !Array.isArray(node))
    return Object.fromEntries([...Object.entries(node), [key, other]]);
  return other;
}
