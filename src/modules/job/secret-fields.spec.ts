import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Json } from '../../kernel/json.js';
import { defineJob } from './job-type.js';
import { SECRET, copiedSecrets, withoutSecrets } from './secret-fields.js';

const secret = z.string().meta({ secret: true });

interface Tree {
  readonly token: string;
  readonly children?: readonly Tree[] | undefined;
}
const tree: z.ZodType<Tree> = z.object({
  token: secret,
  get children() {
    return z.array(tree).optional();
  },
});

const typeOf = (payload: z.ZodType) => defineJob({ name: 'keeps-secrets', payload });

describe('a payload that is shown', () => {
  it.each<[string, z.ZodType, Json, Json]>([
    [
      'a field',
      z.object({ user: z.string(), password: secret }),
      { user: 'a', password: 'b' },
      { user: 'a', password: SECRET },
    ],
    [
      'a field of a field',
      z.object({ auth: z.object({ token: secret.optional() }) }),
      { auth: { token: 'b' } },
      { auth: { token: SECRET } },
    ],
    [
      'an object as a whole',
      z.object({ card: z.object({}).meta({ secret: true }) }),
      { card: { n: 1 } },
      { card: SECRET },
    ],
    ['every item', z.object({ keys: z.array(secret) }), { keys: ['a', 'b'] }, { keys: [SECRET, SECRET] }],
    [
      'an item of a tuple',
      z.object({ pair: z.tuple([z.string(), secret]) }),
      { pair: ['a', 'b'] },
      { pair: ['a', SECRET] },
    ],
    ['every value of a record', z.record(z.string(), secret), { a: 'b' }, { a: SECRET }],
    ['one side of a union', z.object({ by: z.union([z.number(), secret]) }), { by: 'b' }, { by: SECRET }],
    [
      'what a schema that names itself marks',
      tree,
      { token: 'a', children: [{ token: 'b' }] },
      { token: SECRET, children: [{ token: SECRET }] },
    ],
    [
      'what is transformed',
      z.object({ password: secret.transform((text) => text.length) }),
      { password: 3 },
      { password: SECRET },
    ],
    [
      'a secret with a default',
      z.object({ password: secret.default('x') }),
      { password: 'b' },
      { password: SECRET },
    ],
    [
      'no secret that is null',
      z.object({ password: secret.nullable() }),
      { password: null },
      { password: null },
    ],
    ['nothing that is not marked', z.object({ a: z.string(), at: z.date() }), { a: 'b' }, { a: 'b' }],
  ])('hides %s', (_, schema, payload, shown) => {
    expect(withoutSecrets(typeOf(schema), payload)).toEqual(shown);
  });

  it('is whole when its type is not known', () => {
    expect(withoutSecrets(undefined, { password: 'b' })).toEqual({ password: 'b' });
  });
});

describe('a payload that was copied from where it is shown', () => {
  const type = typeOf(z.object({ name: z.string(), keys: z.array(secret) }));

  it('has a fault for every secret that is hidden in it', () => {
    const issues = copiedSecrets(type, { name: 'a', keys: ['b', SECRET] });
    expect(issues).toEqual([
      {
        path: 'payload.keys.1',
        message: 'is [secret], which stands for what is hidden; give the value itself',
      },
    ]);
  });

  it('may say the same where nothing is hidden', () => {
    expect(copiedSecrets(type, { name: SECRET, keys: ['b'] })).toEqual([]);
    expect(copiedSecrets(type, null)).toEqual([]);
  });
});
