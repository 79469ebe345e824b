import { bullmqPeer } from './bullmq-peer.js';
import { graphilePeer } from './graphile-peer.js';
import type { Peer } from './peer.js';
import { pgBossPeer } from './pg-boss-peer.js';
import { rookeryInProcess, rookeryOverNats } from './rookery-peer.js';

/** By the name they have on the command line; Rookery first. */
export const peers: Readonly<Record<string, Peer>> = {
  rookery: rookeryInProcess,
  'rookery-nats': rookeryOverNats,
  bullmq: bullmqPeer,
  'pg-boss': pgBossPeer,
  graphile: graphilePeer,
};

/** The peer of that name. Throws with the names there are. */
export function peerNamed(name: string): Peer {
  const peer = peers[name];
  if (!peer)
    throw new Error(`there is no peer ${JSON.stringify(name)}; choose from ${Object.keys(peers).join(', ')}`);
  return peer;
}
