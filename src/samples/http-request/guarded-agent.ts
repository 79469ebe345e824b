import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { RequestError } from './request-error.js';

/** Longest wait for a connection, in ms; a host that takes longer is as good as down, and another attempt may meet it up. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Largest response head, in bytes: what Node's own client allows. The head is kept with the result. */
const MAX_HEAD_BYTES = 16_384;

/**
 * An agent that connects only to addresses that `isAllowed` allows. The address is judged where the connection is made, so
 * neither a name that resolves to a refused address nor one that resolves to another address the second time gets past it.
 * Time is limited by the request's signal alone.
 */
export function guardedAgent(isAllowed: (address: string) => boolean): Agent {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(isAllowed) });
  return new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEAD_BYTES,
    connect: (options, callback) => {
      // A literal address is connected to without any lookup.
      const host = options.hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) !== 0 && !isAllowed(host)) callback(refusal(host, host), null);
      else connect(options, callback);
    },
  });
}

/** Resolves a name as Node does, and fails when one of its addresses is refused. */
function guardedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    const all: LookupOptions & { all: true } = { ...options, all: true };
    lookup(hostname, all, (error, addresses) => {
      const refused = addresses?.find(({ address }) => !isAllowed(address));
      if (error) callback(error, '');
      else if (refused) callback(refusal(hostname, refused.address), '');
      else if (options.all) callback(null, addresses);
      else answerOne(addresses[0], callback);
    });
  };
}

function answerOne(first: LookupAddress | undefined, callback: Parameters<LookupFunction>[2]): void {
  if (first) callback(null, first.address, first.family);
  else callback(new Error('the name has no address'), '');
}

function refusal(host: string, address: string): RequestError {
  const where = host === address ? address : `${host} (${address})`;
  return new RequestError(
    `${where} is no address of the public internet; samples.httpRequest.allowPrivateAddresses allows others`,
    true,
  );
}
