export { AccessGuard } from './access.guard.js';
export { AccessModule } from './access.module.js';
export { Access, assertOwnPage, type HttpRequest } from './access.js';
export { Needs, maySatisfy, needOf, type Need } from './needs.decorator.js';
export { secureHeaders } from './secure-headers.js';
export { SESSION_COOKIE, SESSION_MS, writeSession, type Session } from './session.js';
