import { RESOURCE_METADATA_PATH, resourceMetadata } from '../auth/resource-metadata.ts';
import type { OAuthSettings } from '../auth/oauth-settings.ts';
import type { Route } from './route.ts';

/**
 * `/.well-known/oauth-protected-resource` (RFC 9728), with the path of the resource or of one connector behind it. It
 * is the same for all of them: one resource, whose tokens are good for every connector.
 */
export function resourceMetadataRoutes(
  settings: OAuthSettings,
): readonly (readonly [string, Route])[] {
  const body = `${JSON.stringify(resourceMetadata(settings))}\n`;
  const route: Route = {
    auth: 'open',
    methods: ['GET', 'HEAD', 'OPTIONS'],
    anyOrigin: ['GET', 'HEAD', 'OPTIONS'],
    handle: (_request, response) =>
      void response
        .writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'cache-control': 'public, max-age=300',
          'access-control-allow-origin': '*',
          'access-control-allow-headers': 'mcp-protocol-version',
        })
        .end(body),
  };
  return [
    [RESOURCE_METADATA_PATH, route],
    [`${RESOURCE_METADATA_PATH}/`, route],
  ];
}
