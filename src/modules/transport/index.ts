export * from './transport.js';
export { InProcessTransport, type InProcessTransportOptions } from './in-process/in-process-transport.js';
export { natsAccessOf } from './nats-access-of.js';
export type { NatsAccess } from './nats/nats-access.js';
export { NatsLink, type NatsLinkEvents } from './nats/nats-link.js';
export { NatsTransport, type NatsTransportOptions } from './nats/nats-transport.js';
export { TableOnlyTransport } from './table-only/table-only-transport.js';
export { TransportModule, type TransportModuleOptions } from './transport.module.js';
export { PUBLISHER, type Publisher } from './publisher.js';
