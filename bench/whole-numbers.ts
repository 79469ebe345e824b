/** The whole numbers, of at least 1, of a flag with commas between. Throws with what is none. */
export function wholeNumbers(flag: string, text: string): number[] {
  return text.split(',').map((part) => {
    if (/^[1-9]\d{0,8}$/.test(part)) return Number(part);
    throw new Error(`--${flag} is ${JSON.stringify(text)}; use whole numbers of at least 1`);
  });
}
