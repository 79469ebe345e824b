/** An object's type without `undefined` among its values: the optional ones may only be absent. */
export type Defined<Values extends object> = { [Key in keyof Values]: Exclude<Values[Key], undefined> };

/** The object without the keys whose value is undefined. */
export function defined<Values extends object>(values: Values): Defined<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Defined<Values>;
}
