import { z } from 'zod';

/** A value as JSON carries it: times are text. */
export type Wire<Value> = Value extends Date
  ? string
  : Value extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : Value extends object
      ? { readonly [Key in keyof Value]: Wire<Value[Key]> }
      : Value;

/**
 * Holds a schema against the type of an answer: `answerOf<JobView>()(schema)` compiles only while both have the same fields of the
 * same types, so that an answer cannot change without its description.
 */
export function answerOf<View>(): <Schema extends z.ZodType<View>>(
  schema: View extends z.output<Schema> ? Schema : never,
) => Schema {
  return (schema) => schema;
}

/** A list in an answer. */
export function listOf<Item extends z.ZodType>(item: Item): z.ZodReadonly<z.ZodArray<Item>> {
  return z.array(item).readonly();
}

/** A time in ISO 8601. */
export const isoTime = z.string().meta({ format: 'date-time' });

/** An id as the database writes it. */
export const uuid = z.string().meta({ format: 'uuid' });

/** A number of things. */
export const count = z.int().min(0);
