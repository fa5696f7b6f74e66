import { z } from 'zod';

/** `registry` of a configuration file, as written. */
export interface FileRegistry {
  readonly enabled?: boolean | undefined;
  readonly tools?: boolean | undefined;
  readonly http?: boolean | undefined;
  readonly apiKey?: string | undefined;
}

const boolean = z.boolean('must be true or false');

const shape = {
  enabled: boolean.optional().meta({
    description:
      'Open the registry of the state folder and take connectors from it (MCP_REGISTRY_ENABLED).',
    default: true,
  }),
  tools: boolean.optional().meta({
    description: 'Serve the tools of the connector "registry" (MCP_REGISTRY_TOOLS).',
    default: false,
  }),
  http: boolean.optional().meta({
    description: 'Serve the registry API at /v0.1 (MCP_REGISTRY_HTTP).',
    default: true,
  }),
  apiKey: z
    .string('must be a string')
    .regex(/^(?:file:\/[^/].*|\$\{[^{}]+\})$/, 'must be a reference: ${NAME} or file:/path')
    .optional()
    .meta({
      description:
        'Reference to the key that writers of the API must send; without one nothing is written by HTTP (MCP_REGISTRY_API_KEY).',
    }),
};

/** The schema of `registry` in a configuration file. */
export const registrySchema: z.ZodType<FileRegistry> = z.object(shape, 'must be an object');

export const REGISTRY_KEYS: readonly string[] = Object.keys(shape);
