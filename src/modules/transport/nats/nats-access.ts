/** How to reach NATS and be let in. At most one way of authenticating is given. */
export interface NatsAccess {
  /**
   * One or more servers: `host:port`, `nats://…` or `tls://…`, as a list or separated by commas. A URL may hold
   * `user:password@` or `token@` instead of the fields below.
   */
  readonly servers: string | readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** Path of a credentials file (`.creds`); read anew at every connect, so that it may be rotated. */
  readonly credsFile?: string;
  /** Paths of PEM files. Present, even when empty, it wants an encrypted connection. */
  readonly tls?: {
    /** The authority that signed the server's certificate; the system's authorities when absent. */
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
  };
}
