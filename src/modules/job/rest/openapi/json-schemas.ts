import { z } from 'zod';

/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Turns Zod's schemas into those of the document; what has a name (`.meta({id})`) becomes a component, once. */
export class JsonSchemas {
  private readonly named = new Map<string, JsonSchema>();

  /** The components so far, by name. */
  get components(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.named].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What is sent to us. */
  ofInput(schema: z.ZodType): JsonSchema {
    return this.add(schema, 'input');
  }

  /** What we answer. */
  ofOutput(schema: z.ZodType): JsonSchema {
    return this.add(schema, 'output');
  }

  private add(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...root
    } = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => tidy(jsonSchema),
    });
    for (const [name, definition] of Object.entries($defs)) this.named.set(name, withRefs(definition));
    return withRefs(root);
  }
}

/** Zod says of lists that cannot be changed in code that they cannot be sent, and of texts as keys that they are texts. */
function tidy(schema: z.core.JSONSchema.BaseSchema): void {
  delete schema.readOnly;
  delete schema.propertyNames;
  delete schema.id;
  // The largest safe integer is no rule of ours.
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
}

/** The schema with its references pointing to where the document has its components. */
function withRefs(schema: unknown): JsonSchema {
  const text = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text) as JsonSchema;
}
