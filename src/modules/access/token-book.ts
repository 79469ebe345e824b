import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiToken } from '../../config/index.js';

interface Entry {
  readonly token: ApiToken;
  readonly digest: Buffer;
}

/** Finds tokens by their secret, in a time that tells nothing of which one was nearly right. */
export class TokenBook {
  private readonly entries: readonly Entry[];

  constructor(tokens: readonly ApiToken[]) {
    this.entries = tokens.map((token) => ({ token, digest: digestOf(token.secret) }));
  }

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** The token of that secret. All are compared, and by digests of one length. */
  bySecret(secret: string): ApiToken | undefined {
    const digest = digestOf(secret);
    let found: ApiToken | undefined;
    for (const entry of this.entries) {
      if (timingSafeEqual(entry.digest, digest)) found = entry.token;
    }
    return found;
  }

  byLabel(label: string): ApiToken | undefined {
    return this.entries.find((entry) => entry.token.label === label)?.token;
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
