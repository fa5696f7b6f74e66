import { z } from 'zod';

/** `serviceMap` of a configuration file, as written. */
export interface FileServiceMap {
  readonly url?: string | undefined;
  readonly file?: string | undefined;
  readonly inline?: Readonly<Record<string, unknown>> | undefined;
  readonly publicKeyFiles?: readonly string[] | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  readonly allowCommands?: readonly (readonly string[])[] | undefined;
  readonly allowVariables?: readonly string[] | undefined;
  readonly sharedKeyFor?: readonly string[] | undefined;
  readonly maxStaleMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly publish?: string | undefined;
  readonly signingKeyFile?: string | undefined;
}

const text = z.string('must be a string').min(1, 'must not be empty');
const words = z.array(text, 'must be an array of strings');

function integer(min: number, max: number): z.ZodInt {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

const shape = {
  url: text.optional().meta({
    description:
      'Where the signed map is fetched; no redirects, no credentials in it (CONNECTORS_SERVICE_MAP_URL).',
  }),
  file: text.optional().meta({ description: 'A map on this machine, instead of url.' }),
  inline: z
    .record(z.string(), z.unknown(), 'must be an object')
    .optional()
    .meta({ description: 'The map itself, instead of url or file.' }),
  publicKeyFiles: words.optional().meta({
    description:
      'Files of Ed25519 public keys (PEM) that may sign, beside the key in the variable (CONNECTORS_SIGNATURE_KEY).',
  }),
  allowHosts: words.optional().meta({
    description:
      'host or host:port that may be reached over http or at a private address. Default: none.',
  }),
  allowCommands: z
    .array(words.min(1, 'must not be empty'), 'must be an array of command lines')
    .optional()
    .meta({
      description: 'Command lines that a map from a URL may run, word by word. Default: none.',
    }),
  allowVariables: words.optional().meta({
    description: 'Variables that a map from a URL may refer to. Default: none.',
  }),
  sharedKeyFor: words.optional().meta({
    description: 'Connectors of the map that may be sent CONNECTORS_API_KEY. Default: none.',
  }),
  maxStaleMs: integer(0, 30 * 86_400_000)
    .optional()
    .meta({
      description: 'How long past its TTL a map may be used; never past its notAfter.',
      default: 87_300_000,
    }),
  timeoutMs: integer(1, 600_000)
    .optional()
    .meta({ description: 'For one fetch, whole body.', default: 5_000 }),
  maxBytes: integer(1, 1_073_741_824)
    .optional()
    .meta({ description: 'Largest map, decompressed.', default: 10_485_760 }),
  publish: text.optional().meta({
    description:
      'File of a map to serve at /v1/connectors/service-map. Default: file (CONNECTORS_MANIFEST_PATH).',
  }),
  signingKeyFile: text.optional().meta({
    description:
      'File of an Ed25519 private key (PEM) or secret that signs the published map; without one only a signed map is served (CONNECTORS_SIGNATURE_KEY).',
  }),
};

/** Keys that `serviceMap` may have. */
export const SERVICE_MAP_KEYS: readonly string[] = Object.keys(shape);

export const serviceMapSchema: z.ZodType<FileServiceMap> = z.object(shape, 'must be an object');
