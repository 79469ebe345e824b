import type { NatsSettings } from '../../config/index.js';
import type { NatsAccess } from './nats/nats-access.js';

/** The settings in the words of the NATS client. */
export function natsAccessOf({ url, user, password, token, credentialsFile, tls }: NatsSettings): NatsAccess {
  return {
    servers: url,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(credentialsFile !== undefined && { credsFile: credentialsFile }),
    ...(tls !== undefined && { tls }),
  };
}
