export * from './transport.js';
export { InProcessTransport, type InProcessTransportOptions } from './in-process/in-process-transport.js';
export { TableOnlyTransport } from './table-only/table-only-transport.js';
export { TransportModule, type TransportModuleOptions } from './transport.module.js';
