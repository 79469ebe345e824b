import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The files that the page shows, by their path: each block of code behind a comment that names it. */
function filesOf(page: string): Map<string, string> {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const blocks = text.matchAll(/<!-- file: (\S+) -->\s+```ts\n([^]*?)\n```/g);
  return new Map([...blocks].map(([, path = '', code = '']) => [join(ROOT, path), code]));
}

/** What the compiler says of these files, as if they lay in this checkout. */
function complaintsAbout(files: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const code = files.get(path);
    if (code === undefined) return getSourceFile.call(host, path, languageVersion, ...rest);
    return ts.createSourceFile(path, code, languageVersion);
  };
  const program = ts.createProgram([...files.keys()], { ...options, noEmit: true }, host);
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
  });
}

describe('docs/adding-a-job-type.md', () => {
  const files = filesOf('docs/adding-a-job-type.md');

  it('shows code that compiles', () => {
    expect([...files.keys()].map((path) => path.slice(ROOT.length + 1))).toEqual([
      'src/jobs/send-report.ts',
      'src/jobs/mailer.ts',
      'src/jobs/jobs.module.ts',
      'src/shop/shop.module.ts',
      'src/jobs/send-all-reports.ts',
      'src/jobs/books.ts',
      'src/jobs/send-report.spec.ts',
      'test/e2e/send-report.spec.ts',
    ]);
    expect(complaintsAbout(files)).toEqual([]);
  });

  it('would notice a payload that does not fit', () => {
    const shop = join(ROOT, 'src/shop/shop.module.ts');
    const wrong = (files.get(shop) ?? '').replace(
      '{ customer, month }, { manager }',
      '{ customer }, { manager }',
    );
    expect(complaintsAbout(new Map([...files, [shop, wrong]]))).toEqual([
      expect.stringContaining("'month'") as string,
    ]);
  });
});

describe('docs/nightly-batch.md', () => {
  it('shows the sample as it is', () => {
    const files = filesOf('docs/nightly-batch.md');
    expect([...files.keys()].map((path) => path.slice(ROOT.length + 1))).toEqual([
      'src/samples/deal/deal-job.ts',
      'src/samples/deal/collect-deals-job.ts',
      'src/samples/deal/report-deals-job.ts',
    ]);
    for (const [path, code] of files) expect(readFileSync(path, 'utf8').trimEnd(), path).toBe(code);
  });
});
