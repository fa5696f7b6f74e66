import { z } from 'zod';
import { TOKEN_ENDPOINT_AUTH_METHODS, type OAuthSettings } from '../connectors/connector-auth.ts';
import { integer, text, type OptionalShape } from './schema-words.ts';

const GRANTS = ['authorization_code', 'client_credentials'] as const;

const word = text.min(1, 'must not be empty').max(4_096, 'must not be longer than 4096 characters');
const words = z.array(word, 'must be an array of strings').max(100, 'must not be longer than 100');

const bearer = z.object({
  type: z.literal('bearer').meta({ description: 'A fixed token, sent as Authorization.' }),
  token: word.meta({ description: 'A reference such as ${NAME} or file:/path.' }),
});
const header = z.object({
  type: z.literal('header').meta({ description: 'A fixed value in a header.' }),
  name: word.meta({ description: 'Name of the header.' }),
  value: word.meta({ description: 'A reference such as ${NAME} or file:/path.' }),
});
const oauth = z.object({
  type: z.literal('oauth').meta({ description: 'Tokens of an authorization server.' }),
  grant: z.enum(GRANTS, 'must be authorization_code or client_credentials').optional().meta({
    description: 'authorization_code: a person logs in with cortex-mcp auth login.',
    default: 'authorization_code',
  }),
  clientId: word.optional().meta({
    description: 'Default: registered by itself, where the authorization server offers that.',
  }),
  clientSecret: word.optional().meta({
    description: 'A reference such as ${NAME} or file:/path; needs issuer.',
  }),
  privateKey: word.optional().meta({
    description: 'file:/path of a PEM key for private_key_jwt; needs issuer.',
  }),
  scopes: words.optional().meta({ description: 'Default: those that the server names.' }),
  resource: word.optional().meta({ description: 'RFC 8707. Default: as the server says.' }),
  issuer: word.optional().meta({ description: 'The only authorization server that is accepted.' }),
  redirectPort: integer(0, 65_535).optional().meta({
    description: 'Port of the callback of a login; 0 takes a free one.',
    default: 0,
  }),
  tokenEndpointAuthMethod: z
    .enum(TOKEN_ENDPOINT_AUTH_METHODS, `must be one of ${TOKEN_ENDPOINT_AUTH_METHODS.join(', ')}`)
    .optional()
    .meta({ description: 'Default: what the authorization server prefers.' }),
  allowedOrigins: words.optional().meta({
    description: "Origins beside the issuer's at which its endpoints may stand.",
  }),
});

/** `auth` of an entry of our own. Clients have others under the same key, which say nothing to us. */
const authSchema = z.discriminatedUnion('type', [bearer, header, oauth]);

/** `auth` of an entry, as written. */
export type FileAuth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'header'; readonly name: string; readonly value: string }
  | FileOAuth;

/** OAuth as written; `grant` may be left out. */
export interface FileOAuth extends Omit<OAuthSettings, 'grant'> {
  readonly type: 'oauth';
  readonly grant?: OAuthSettings['grant'] | undefined;
}

export interface FileAuthKeys {
  /** Unchecked: see `checkAuth`. */
  readonly auth?: unknown;
}

/** The key of an entry that concerns authentication. */
export const authShape: OptionalShape<FileAuthKeys> = {
  auth: z.union([z.unknown(), authSchema]).optional().meta({
    description: 'How the connector is authenticated at its server; headers do for fixed keys.',
  }),
};

export const AUTH_KEYS: Readonly<Record<FileAuth['type'], readonly string[]>> = {
  bearer: Object.keys(bearer.shape),
  header: Object.keys(header.shape),
  oauth: Object.keys(oauth.shape),
};

/** What a schema said: nothing of ours, the value, or the first thing that is wrong and where. */
export type CheckedAuth =
  | { readonly kind: 'foreign' }
  | { readonly kind: 'valid'; readonly value: FileAuth }
  | {
      readonly kind: 'invalid';
      readonly path: readonly (string | number)[];
      readonly message: string;
    };

/** Only an object with a `type` is ours. */
export function checkAuth(value: unknown): CheckedAuth {
  if (typeof value !== 'object' || value === null || !('type' in value)) return { kind: 'foreign' };
  const result = authSchema.safeParse(value);
  if (result.success) return { kind: 'valid', value: result.data };
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).filter((step) => typeof step !== 'symbol');
  const message =
    path[0] === 'type' ? 'must be bearer, header or oauth' : (issue?.message ?? 'is not valid');
  return { kind: 'invalid', path, message };
}
