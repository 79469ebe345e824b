import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { linesOf } from './ndjson-lines.js';

const MOST = { body: 1_000, line: 100 };

/** The lines of a body that arrives in these pieces. */
async function linesIn(pieces: readonly (string | Buffer)[], most = MOST) {
  const lines: string[] = [];
  const body = Readable.from(pieces.map((piece) => Buffer.from(piece)));
  for await (const { number, text } of linesOf(body, most)) lines.push(`${number} ${text}`);
  return lines;
}

describe('the lines of a body', () => {
  it.each([
    ['whole', ['a\nb\n'], ['1 a', '2 b']],
    ['without a line feed at the end', ['a\nb'], ['1 a', '2 b']],
    ['in pieces', ['a', 'b', 'c\nd', 'e\n'], ['1 abc', '2 de']],
    ['with blank ones, which count', ['\n  \na\n\nb'], ['3 a', '5 b']],
    ['of nothing', [], []],
  ])('%s', async (_, pieces, lines) => {
    expect(await linesIn(pieces)).toEqual(lines);
  });

  it('puts a character together that came in two pieces', async () => {
    const bytes = Buffer.from('ü\n');
    expect(await linesIn([bytes.subarray(0, 1), bytes.subarray(1)])).toEqual(['1 ü']);
  });

  it.each([
    ['half a character at the end', [Buffer.from('ü').subarray(0, 1)]],
    ['no UTF-8', [Buffer.from([0xff, 0x0a])]],
  ])('refuses %s', async (_, pieces) => {
    await expect(linesIn(pieces)).rejects.toMatchObject({ code: 'malformed_json' });
  });

  it('refuses a body beyond its bound', async () => {
    await expect(linesIn(Array<string>(11).fill(`${'x'.repeat(99)}\n`))).rejects.toMatchObject({
      code: 'payload_too_large',
      details: { maxBytes: 1_000 },
    });
  });

  it('refuses a line beyond its bound, with its number, before it has ended', async () => {
    const read = linesIn(['a\n', ...Array<string>(5).fill('x'.repeat(60))]);
    await expect(read).rejects.toMatchObject({
      code: 'payload_too_large',
      details: { line: 2, maxBytes: 100 },
    });
  });

  it('looks at each piece of a long line once', async () => {
    const pieces = Array<string>(2_000).fill('x'.repeat(32 * 1024));
    const most = { body: 64 * 1024 * 1024, line: 64 * 1024 * 1024 };
    const startedAt = performance.now();
    expect((await linesIn(pieces, most))[0]).toHaveLength(2_000 * 32 * 1024 + 2);
    // Some 0.1 s; looked through anew with every piece it was half a minute.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});
