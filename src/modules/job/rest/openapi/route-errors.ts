import type { ErrorCode } from '../../../../kernel/errors.js';
import type { RestRoute } from './rest-routes.js';

/** Any request of ours: a guard looks at its type, and the process may stop meanwhile. */
const ALWAYS: readonly ErrorCode[] = ['internal_error', 'shutting_down', 'unsupported_media_type'];
/** A value in the path may be no UTF-8, or longer than the router takes. */
const WITH_PARAMETERS: readonly ErrorCode[] = ['invalid_request', 'not_found'];
const WITH_QUERY: readonly ErrorCode[] = ['invalid_request'];
/** Also where no body is wanted: one that is sent is read all the same. */
const WITH_BODY: readonly ErrorCode[] = ['malformed_json', 'payload_too_large'];
const WITH_CHECKED_BODY: readonly ErrorCode[] = ['invalid_request'];
const WITH_DATABASE: readonly ErrorCode[] = ['database_unavailable', 'overloaded'];

/** Whoever is asked who they are may be unknown, not allowed, or have guessed too often. */
const WITH_ROLE: readonly ErrorCode[] = ['forbidden', 'too_many_failures', 'unauthorized'];

/** Every code the route may answer with: those of its kind, and those it names. */
export function errorsOf({ method, path, body, query, description, need }: RestRoute): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    ...ALWAYS,
    ...(need === 'nothing' ? [] : WITH_ROLE),
    ...(path.includes(':') ? WITH_PARAMETERS : []),
    ...(query ? WITH_QUERY : []),
    ...(method === 'GET' ? [] : WITH_BODY),
    ...(body ? WITH_CHECKED_BODY : []),
    ...(description?.readsDatabase === false ? [] : WITH_DATABASE),
    ...(description?.errors ?? []),
  ]);
  return [...codes].sort();
}
