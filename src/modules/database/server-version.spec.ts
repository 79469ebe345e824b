import { describe, expect, it } from 'vitest';
import { RookeryError } from '../../kernel/errors.js';
import { assertSupportedVersion } from './server-version.js';

describe('assertSupportedVersion', () => {
  it.each([150000, 150014, 180004])('passes %i', (version) => {
    expect(() => assertSupportedVersion(version, 'any', 'db:5432/app')).not.toThrow();
  });

  it('refuses a PostgreSQL before 15 and names the remedy', () => {
    const refuse = () => assertSupportedVersion(140012, '14.12 (Debian)', 'db:5432/app');
    expect(refuse).toThrow(RookeryError);
    expect(refuse).toThrow(
      /db:5432\/app is version 14\.12 \(Debian\).*needs 15 or newer.*upgrade that server/,
    );
  });
});
