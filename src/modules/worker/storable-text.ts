/**
 * The text as PostgreSQL can store it, at most `mostBytes` (≥ 8) bytes of UTF-8: U+0000 and halves of surrogate pairs become U+FFFD, and what
 * is cut off is shown as `…`.
 */
export function storableText(text: string, mostBytes: number): string {
  const whole = text.slice(0, mostBytes).replaceAll('\u0000', '\ufffd').toWellFormed();
  // A UTF-16 unit takes at most 3 bytes: short texts need no count.
  if (text.length * 3 <= mostBytes) return whole;
  const bytes = Buffer.from(whole);
  if (text.length <= mostBytes && bytes.length <= mostBytes) return whole;
  // Room for the ellipsis and for the U+FFFD that is left of a character cut in two, 3 bytes each.
  return `${bytes.subarray(0, mostBytes - 6).toString()}…`;
}
