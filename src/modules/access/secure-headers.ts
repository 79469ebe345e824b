/**
 * What every answer of ours carries: a browser runs nothing in it that is not from here, guesses no type, frames it nowhere and tells no
 * other site of it. A page that needs more says so in a policy of its own.
 */
export const secureHeaders: readonly (readonly [name: string, value: string])[] = [
  [
    'Content-Security-Policy',
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  ],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
];
