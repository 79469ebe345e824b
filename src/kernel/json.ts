/** A value JSON can hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** True for what JSON calls an object and YAML a mapping: no array, not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON text that PostgreSQL can store, or why there is none. */
export type EncodedJson =
  | { readonly kind: 'encoded'; readonly text: string }
  | { readonly kind: 'unstorable'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly bytes: number };

/**
 * Escapes that JSON allows and jsonb refuses: U+0000, and surrogates, which JSON.stringify escapes only when they stand alone.
 * An even number of backslashes before `\u` means that the backslash itself is meant.
 */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/**
 * Encodes a value as JSON text of at most `maxBytes` bytes in UTF-8. `undefined` encodes as null. Values JSON cannot hold
 * (functions, symbols and bigints at the top; cycles and bigints anywhere) are unstorable.
 */
export function encodeJson(value: unknown, maxBytes: number): EncodedJson {
  if (value === undefined) return { kind: 'encoded', text: 'null' };
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    return {
      kind: 'unstorable',
      reason: `JSON cannot hold it: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  if (text === undefined) return { kind: 'unstorable', reason: `JSON cannot hold a ${typeof value}` };
  if (text.includes('\\u') && UNSTORABLE_ESCAPE.test(text)) {
    return {
      kind: 'unstorable',
      reason: 'it contains the character U+0000 or half a surrogate pair, which PostgreSQL cannot store',
    };
  }
  // A character takes at most 3 bytes per UTF-16 unit: short texts need no count.
  if (text.length * 3 > maxBytes) {
    const bytes = Buffer.byteLength(text);
    if (bytes > maxBytes) return { kind: 'too-large', bytes };
  }
  return { kind: 'encoded', text };
}
