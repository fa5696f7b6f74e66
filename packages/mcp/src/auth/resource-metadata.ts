import type { OAuthSettings } from './oauth-settings.ts';

/** Where RFC 9728 has clients look; the path of the resource may follow. */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource';

/** The address of the metadata of a resource: by what is configured, never by what a request says. */
export function resourceMetadataUrl({ resource }: Pick<OAuthSettings, 'resource'>): string {
  const { origin, pathname } = new URL(resource);
  return `${origin}${RESOURCE_METADATA_PATH}${pathname === '/' ? '' : pathname}`;
}

/** What clients learn of a resource (RFC 9728 section 2). */
export function resourceMetadata(settings: OAuthSettings): Readonly<Record<string, unknown>> {
  const { resource, issuer, requiredScopes, grants } = settings;
  const scopes = new Set([...requiredScopes, ...grants.flatMap(({ scope }) => scope ?? [])]);
  return {
    resource,
    resource_name: 'Cortex MCP',
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    ...(scopes.size > 0 && { scopes_supported: [...scopes] }),
  };
}
