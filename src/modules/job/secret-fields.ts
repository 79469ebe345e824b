import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { Issue } from '../../kernel/errors.js';
import { isRecord, type Json } from '../../kernel/json.js';
import type { JobType } from './job-type.js';

/** What is shown in place of a secret. */
export const SECRET = '[secret]';

/** A JSON Schema as far as it is looked at here: which values of a payload it says are secret. */
type JsonSchema = Readonly<Record<string, unknown>>;

const schemasOfType = new WeakMap<JobType, readonly JsonSchema[]>();

/**
 * The payload as it may be shown: what the type's schema marks with `secret: true` (in zod `.meta({ secret: true })`) is replaced by
 * `[secret]`, at any depth; null stays null. Marks are read from the schema's JSON Schema, so a schema of a library that has none
 * (https://standardschema.dev/json-schema) hides nothing.
 */
export function withoutSecrets(type: JobType | undefined, payload: Json): Json {
  const schemas = type ? schemasOf(type) : [];
  return schemas.length === 0 ? payload : hidden(payload, schemas);
}

/** A fault for each secret whose place in a payload holds what is shown for it: it was copied from where it is hidden. */
export function copiedSecrets(type: JobType, payload: unknown): Issue[] {
  const schemas = schemasOf(type);
  const issues: Issue[] = [];
  const look = (value: unknown, here: readonly Place[], path: string): void => {
    if (here.length === 0) return;
    if (value === SECRET && here.some(isSecret)) {
      issues.push({ path, message: `is ${SECRET}, which stands for what is hidden; give the value itself` });
    }
    for (const [key, part] of partsOf(value)) look(part, placesIn(value, here, key), `${path}.${key}`);
  };
  look(payload, schemas.map(placeOf), 'payload');
  return issues;
}

function hidden(payload: Json, schemas: readonly JsonSchema[]): Json {
  const hide = (value: Json, here: readonly Place[]): Json => {
    if (value === null || here.length === 0) return value;
    if (here.some(isSecret)) return SECRET;
    if (Array.isArray(value))
      return value.map((part, index) => hide(part, placesIn(value, here, String(index))));
    if (typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, hide(part, placesIn(value, here, key))]),
    );
  };
  return hide(payload, schemas.map(placeOf));
}

/** A schema that holds for a value, with the whole it is part of, which its references name. */
interface Place {
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
}

const placeOf = (root: JsonSchema): Place => ({ schema: root, root });

/** What says that the value itself is secret, among all that holds for it. */
function isSecret(place: Place): boolean {
  return alternativesOf(place).some(({ schema }) => schema['secret'] === true);
}

/** The places of the part of that key of a value: of a property, or of an item of an array. Each once: a schema that names itself twice would double them with every level. */
function placesIn(value: unknown, here: readonly Place[], key: string): Place[] {
  const places = new Map<JsonSchema, Place>();
  for (const { schema, root } of here.flatMap(alternativesOf)) {
    for (const part of Array.isArray(value) ? itemsOf(schema, Number(key)) : [propertyOf(schema, key)])
      if (isRecord(part)) places.set(part, { schema: part, root });
  }
  return [...places.values()];
}

function propertyOf({ properties, additionalProperties }: JsonSchema, key: string): unknown {
  return isRecord(properties) && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
}

function itemsOf({ prefixItems, items }: JsonSchema, index: number): unknown[] {
  return [Array.isArray(prefixItems) ? (prefixItems as unknown[])[index] : undefined, items];
}

/** A place with all that it refers to or is made of, which hold for the same value. */
function alternativesOf(place: Place): Place[] {
  const found = new Set<JsonSchema>();
  const look = (schema: unknown): void => {
    if (!isRecord(schema) || found.has(schema)) return;
    found.add(schema);
    for (const list of [schema['anyOf'], schema['oneOf'], schema['allOf']])
      if (Array.isArray(list)) list.forEach(look);
    if (typeof schema['$ref'] === 'string') look(referred(place.root, schema['$ref']));
  };
  look(place.schema);
  return [...found].map((schema) => ({ schema, root: place.root }));
}

/** What `#`, or a JSON pointer such as `#/$defs/a`, names. */
function referred(root: JsonSchema, reference: string): unknown {
  return reference
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((at, part) => (isRecord(at) ? at[part] : undefined), root);
}

function partsOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** What is stored and what is given, as JSON Schemas; none of a type without secrets. */
function schemasOf(type: JobType): readonly JsonSchema[] {
  const known = schemasOfType.get(type);
  if (known) return known;
  const schemas = jsonSchemasOf(type.payload).filter((schema) =>
    JSON.stringify(schema).includes('"secret":true'),
  );
  schemasOfType.set(type, schemas);
  return schemas;
}

function jsonSchemasOf(schema: StandardSchemaV1): JsonSchema[] {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  if (!jsonSchema) return [];
  const options = { target: 'draft-2020-12', libraryOptions: { unrepresentable: 'any' } };
  return [jsonSchema.output, jsonSchema.input].flatMap((convert) => {
    try {
      return [convert(options)];
    } catch {
      // A library may have no JSON Schema for what one of the two sides allows.
      return [];
    }
  });
}
