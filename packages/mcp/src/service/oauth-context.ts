import type { ConnectorDefinition } from '../connectors/connector.ts';
import { resolveSecretReferences, type ReferenceScope } from '../connectors/secret-reference.ts';
import type { OAuthHttp } from '../credentials/oauth-http.ts';
import type { OAuthContext } from '../credentials/token-grant.ts';
import { oauthReach } from './oauth-reach.ts';

/** The address that tokens of a connector are for: without what may be a secret. */
function serverOf(address: string): URL {
  const url = new URL(address);
  url.search = '';
  url.hash = '';
  url.username = '';
  url.password = '';
  return url;
}

/** How a connector gets tokens; undefined when it needs none. */
export function oauthContextOf(
  definition: ConnectorDefinition,
  parts: { readonly http: OAuthHttp; readonly env: ReferenceScope },
): OAuthContext | undefined {
  const { transport } = definition;
  if (transport?.kind !== 'http' && transport?.kind !== 'sse') return undefined;
  const { oauth: settings, url } = transport;
  if (settings === undefined) return undefined;
  const server = serverOf(url);
  return {
    connectorId: definition.id,
    server,
    settings,
    http: parts.http,
    reach: oauthReach(definition, settings, server),
    resolve: async (text) => await resolveSecretReferences(text, parts.env),
  };
}
