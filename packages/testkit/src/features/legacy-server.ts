import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { JsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/types.js';
import type { FeatureSet } from './feature-set.ts';

// Nothing here elicits, so nothing is validated; the default, a new AJV per server, costs more than the server.
const NO_VALIDATOR = {
  getValidator<T>(): JsonSchemaValidator<T> {
    return () => ({ valid: false, data: undefined, errorMessage: 'not supported' });
  },
};

/** A server of SDK 1 that answers from the feature set, without the SDK's schemas in between. */
export function createLegacyServer(features: FeatureSet): Server {
  const server = new Server(features.serverInfo, {
    capabilities: features.capabilities,
    instructions: features.instructions,
    jsonSchemaValidator: NO_VALIDATOR,
  });
  server.fallbackRequestHandler = async (request, extra) => {
    // eslint-disable-next-line no-underscore-dangle -- the protocol's own name
    const progressToken = extra._meta?.progressToken;
    return features.handle(request.method, request.params, {
      signal: extra.signal,
      async progress(progress, total) {
        if (progressToken === undefined) return;
        const params = { progressToken, progress, total };
        await extra.sendNotification({ method: 'notifications/progress', params });
      },
    });
  };
  return server;
}
