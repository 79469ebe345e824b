/** Only then the slower parse with a callback a value. */
const MAY_HOLD_PROTO = /__proto__|\\u005f/i;

/** Parses JSON and refuses the key `__proto__`, which has no honest use. Throws a SyntaxError. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, MAY_HOLD_PROTO.test(text) ? refuseProto : undefined) as unknown;
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('the key __proto__ is refused');
  return value;
}
