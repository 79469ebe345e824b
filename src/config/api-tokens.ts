/** What a token may do, least first; each role may do what those before it may. */
export const roles = ['read', 'operate', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A token of the API: who has it, and what it lets them do. Holds a secret: never log it. */
export interface ApiToken {
  readonly label: string;
  readonly role: Role;
  readonly secret: string;
}

/** 96 bits in base64, which nobody guesses over a network; `openssl rand -hex 16` makes twice as many characters. */
const SHORTEST_SECRET = 16;

const LABEL = /^[A-Za-z0-9_-]{1,64}$/;
/** What RFC 6750 lets a Bearer token hold, but for the characters that separate tokens here. */
const SECRET = /^[A-Za-z0-9._~+/-]+=*$/;

/** The tokens of `label:role:secret`, each; or what is wrong, by position and without a secret. */
export function readApiTokens(
  texts: readonly unknown[],
): { readonly value: readonly ApiToken[] } | { readonly problem: string } {
  const tokens: ApiToken[] = [];
  for (const [index, text] of texts.entries()) {
    const problem = (what: string) => ({ problem: `token ${index + 1} of ${texts.length} ${what}` });
    const [label = '', role = '', secret = '', ...rest] = typeof text === 'string' ? text.split(':') : [];
    if (secret === '' || rest.length > 0) return problem('is not written as label:role:secret');
    if (!LABEL.test(label)) return problem('has a label that is not 1 to 64 of letters, digits, _ and -');
    const known = roles.find((one) => one === role);
    if (!known) return problem(`has a role that is none of ${roles.join(', ')}`);
    if (secret.length < SHORTEST_SECRET)
      return problem(`has a secret of ${secret.length} characters; use at least ${SHORTEST_SECRET}`);
    if (!SECRET.test(secret))
      return problem('has a secret with other characters than letters, digits and - . _ ~ + /');
    const twin = tokens.findIndex((other) => other.label === label || other.secret === secret);
    if (twin >= 0) return problem(`has the label or the secret of token ${twin + 1}`);
    tokens.push({ label, role: known, secret });
  }
  return { value: tokens };
}
