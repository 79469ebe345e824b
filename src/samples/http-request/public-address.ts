import { BlockList, isIP } from 'node:net';

/**
 * What the IANA special-purpose registries keep from the public internet: this host, private networks, shared address
 * space of carriers (CGNAT), loopback, link-local (cloud metadata among it), protocol assignments, documentation, 6to4 relays,
 * benchmarks, multicast, reserved, broadcast.
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const notPublicV4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]);

/** All of IPv6 that is given out to the public; loopback, link-local, unique local, multicast and mapped IPv4 lie outside. */
const globalV6 = blockList('ipv6', [['2000::', 3]]);

/** Inside of it: protocol assignments and Teredo, documentation, 6to4, documentation again. */
const notPublicV6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

/** How networks without IPv4 write an IPv4 address (RFC 6052): the last 32 bits are that address. */
const translatedV4 = blockList('ipv6', [['64:ff9b::', 96]]);

/** True for an address on the public internet; false for every other address, and for what is no address. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !notPublicV4.check(address, 'ipv4');
    case 6:
      return isPublicV6(address);
    default:
      return false;
  }
}

function isPublicV6(address: string): boolean {
  // A zone (`%eth0`) belongs to addresses of one link only.
  if (address.includes('%')) return false;
  if (translatedV4.check(address, 'ipv6')) return !notPublicV4.check(lastFourBytes(address), 'ipv4');
  return globalV6.check(address, 'ipv6') && !notPublicV6.check(address, 'ipv6');
}

/** The last 32 bits of an IPv6 address, written as an IPv4 address. */
function lastFourBytes(address: string): string {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [high = 0, low = 0] = canonical
    .split(':')
    .slice(-2)
    .map((group) => Number.parseInt(group || '0', 16));
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

function blockList(family: 'ipv4' | 'ipv6', subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family);
  return list;
}
