import { BlockList, isIP } from 'node:net';
import type { OAuthSettings } from '../connectors/connector-auth.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import { createPublicLookup } from '../connectors/map/public-lookup.ts';
import { isPrivateHost } from '../connectors/map/service-map-trust.ts';
import type { Reach } from '../credentials/reach.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
  return host === 'localhost' || host.endsWith('.localhost');
}

/** Hosts that the operator named in the connector's own settings; a remote map names none. */
function namedHosts(definition: ConnectorDefinition, settings: OAuthSettings): string[] {
  if (definition.origin !== 'local') return [];
  const addresses = [settings.issuer, ...(settings.allowedOrigins ?? [])];
  return addresses.flatMap((address) => URL.parse(address ?? '')?.host ?? []);
}

/**
 * Which addresses may be asked for a connector's tokens (S5, trust by origin). A server on the internet can send us
 * nowhere but to the internet; one of this machine also to this machine, one of this network also to this network;
 * hosts that the operator names are always allowed. http only on this machine, and only for local connectors.
 */
export function oauthReach(
  definition: ConnectorDefinition,
  settings: OAuthSettings,
  server: URL,
): Reach {
  const isLocal = definition.origin === 'local';
  const named = namedHosts(definition, settings);
  const onThisMachine = isLocal && isLoopbackHost(server.hostname);
  const inThisNetwork = isLocal && !onThisMachine && isPrivateHost(server.hostname);
  return {
    refusal(url) {
      const loopback = isLoopbackHost(url.hostname);
      if (url.protocol !== 'https:' && !(isLocal && loopback)) return 'is not reached by https';
      if (named.includes(url.host) || !isPrivateHost(url.hostname)) return undefined;
      const allowed = loopback ? onThisMachine : inThisNetwork;
      return allowed ? undefined : 'is a private address';
    },
    lookup: inThisNetwork || onThisMachine ? undefined : createPublicLookup(named),
  };
}
