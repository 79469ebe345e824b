import { nkeys } from '@nats-io/transport-node';

/** A server that trusts one operator, and a user of it with JetStream. */
export interface NatsCredentials {
  /** Lines for the server's configuration. */
  readonly serverConfig: string;
  /** Contents of the user's `.creds` file. */
  readonly userFile: string;
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};
const WITH_JETSTREAM = { ...UNLIMITED, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

/** Makes an operator, its accounts and a user, each signed by the one above it, as the `nsc` tool does. */
export function makeNatsCredentials(): NatsCredentials {
  const operator = nkeys.createOperator();
  const [system, account, user] = [nkeys.createAccount(), nkeys.createAccount(), nkeys.createUser()];
  const accounts = [
    `${system.getPublicKey()}: ${token(operator, system, { type: 'account', limits: UNLIMITED })}`,
    `${account.getPublicKey()}: ${token(operator, account, { type: 'account', limits: WITH_JETSTREAM })}`,
  ];
  const userToken = token(account, user, { type: 'user', pub: {}, sub: {}, subs: -1, data: -1, payload: -1 });
  return {
    serverConfig: [
      `operator: ${token(operator, operator, { type: 'operator' })}`,
      `system_account: ${system.getPublicKey()}`,
      'resolver: MEMORY',
      `resolver_preload: { ${accounts.join(', ')} }`,
    ].join('\n'),
    userFile: [
      '-----BEGIN NATS USER JWT-----',
      userToken,
      '------END NATS USER JWT------',
      '-----BEGIN USER NKEY SEED-----',
      new TextDecoder().decode(user.getSeed()),
      '------END USER NKEY SEED------',
      '',
    ].join('\n'),
  };
}

/** A JSON web token as NATS reads it. */
function token(issuer: KeyPair, subject: KeyPair, nats: Readonly<Record<string, unknown>>): string {
  const claims = {
    jti: subject.getPublicKey(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: String(nats['type']),
    nats: { ...nats, version: 2 },
  };
  const body = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(claims)}`;
  return `${body}.${Buffer.from(issuer.sign(new TextEncoder().encode(body))).toString('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
