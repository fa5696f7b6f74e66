import { z } from 'zod';
import type { Grant } from '../auth/grant.ts';
import type { OAuthAlgorithm, OAuthSettings, TokenGrant } from '../auth/oauth-settings.ts';
import type { LimitSettings } from '../auth/rate-limits.ts';

/** Signatures of tokens that may be asked for: none that a public key could forge, and never none at all. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const satisfies readonly OAuthAlgorithm[];
const DEFAULT_ALGORITHMS: readonly OAuthAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const MAX_GRANTS = 100;

/** `auth` of a configuration file, as written. */
export interface FileAuth {
  readonly apiKey?: string | undefined;
  readonly oauth?: OAuthSettings | undefined;
  readonly limits?: { readonly [K in keyof LimitSettings]?: number | undefined } | undefined;
}

/** What a file says of who is let in. */
export interface FileAccess {
  readonly auth?: FileAuth | undefined;
  readonly allowedHosts?: readonly string[] | undefined;
  readonly allowedOrigins?: readonly string[] | undefined;
}

const text = z.string('must be a string');

/** What is misspelt here would not apply, and so is an error that says what there is. */
function strict<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `has no ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; there are ${known}`
        : 'must be an object',
  });
}

const globs = z
  .array(
    text.min(1, 'must not be empty').max(256, 'must have at most 256 characters'),
    'must be an array of strings',
  )
  .max(256, 'must have at most 256 entries');
const rule: z.ZodType<Grant['tools']> = strict({
  allow: globs.optional().meta({ description: 'Patterns of what is seen. Default: everything.' }),
  deny: globs
    .optional()
    .meta({ description: 'Patterns of what is not seen, whatever allow says.' }),
}).optional();

const url = text.regex(/^https?:\/\/[^\s?#]+$/, 'must be an http or https address without ? and #');
const words = z
  .array(text.regex(/^\S+$/, 'must be one word'), 'must be an array of strings')
  .max(100);

const grant: z.ZodType<TokenGrant> = strict({
  scope: text.optional().meta({ description: 'A scope that the token must have.' }),
  claim: text
    .optional()
    .meta({ description: 'A claim of the token, or a path of names with dots.' }),
  value: text.optional().meta({ description: 'What that claim is or has among its values.' }),
  scopes: words.meta({
    description: 'What it may do: client, operator, registry:write, metrics:read.',
  }),
  connectors: rule.meta({ description: 'What it sees, by connector id.' }),
  tools: rule.meta({ description: 'What it sees, by name on the shared endpoint.' }),
  prompts: rule.meta({ description: 'As tools.' }),
  resources: rule.meta({ description: 'What it sees, by URI.' }),
});

const oauth = strict({
  issuer: url.meta({ description: 'The authorization server, exactly as its tokens name it.' }),
  resource: url.meta({
    description: 'Address of this service as clients reach it: the audience of tokens.',
  }),
  jwksUrl: url.optional().meta({ description: "Its keys. Default: as the issuer's metadata say." }),
  requiredScopes: words
    .default([])
    .meta({ description: 'Scopes without which no token is taken.' }),
  algorithms: z
    .array(z.enum(ALGORITHMS, `must be among ${ALGORITHMS.join(', ')}`))
    .min(1, 'must name one at least')
    .default([...DEFAULT_ALGORITHMS])
    .meta({ description: 'Signatures that are taken; never none, never shared secrets.' }),
  clockToleranceSec: z
    .int()
    .min(0)
    .max(60, 'must be at most 60')
    .default(30)
    .meta({ description: 'How far clocks may differ, in seconds.' }),
  allowedHosts: words
    .default([])
    .meta({ description: 'Hosts that may be asked although their address is private.' }),
  grants: z
    .array(grant)
    .max(MAX_GRANTS)
    .default([])
    .meta({ description: 'What tokens may do. Default: what clients do.' }),
});

const amount = z.int('must be a whole number').min(0).max(1_000_000_000).optional();
const limits = strict({
  requestsPerMinute: amount.meta({ description: 'Requests of everybody together.', default: 0 }),
  addressPerMinute: amount.meta({ description: 'Requests of one address.', default: 60_000 }),
  failuresPerMinute: amount.meta({
    description: 'Missing and wrong keys of one address; more get 429 in place of 401.',
    default: 60,
  }),
  principalPerMinute: amount.meta({
    description: 'Requests of one key or subject; --rate of a key wins.',
    default: 0,
  }),
  principalConcurrent: amount.meta({
    description: 'Requests that one key or subject has open, streams included.',
    default: 1024,
  }),
});

const authSchema: z.ZodType<FileAuth> = strict({
  apiKey: text
    .regex(/^(?:file:\/[^/].*|\$\{[^{}]+\})$/, 'must be a reference: ${NAME} or file:/path')
    .optional()
    .meta({ description: 'Reference to one key for all clients and operators (MCP_API_KEY).' }),
  oauth: oauth.optional().meta({ description: 'Take tokens of an authorization server.' }),
  limits: limits
    .optional()
    .meta({ description: 'Requests that are let through; 0 is any number.' }),
}).meta({ description: 'Who is let in, beside the keys of the state folder.' });

/** The settings of who is let in, as a file may hold them. */
export const accessShape: {
  readonly auth: z.ZodOptional<typeof authSchema>;
  readonly allowedHosts: z.ZodOptional<z.ZodType<readonly string[]>>;
  readonly allowedOrigins: z.ZodOptional<z.ZodType<readonly string[]>>;
} = {
  auth: authSchema.optional(),
  allowedHosts: z
    .array(
      text.regex(
        /^(?:[\w.-]+|\[[\da-f:]+\])(?::\d{1,5})?$/i,
        'must be a host name, with a port or without',
      ),
      'must be an array of strings',
    )
    .max(100)
    .meta({
      description:
        'Names by which the service is reached, beside this machine (MCP_ALLOWED_HOSTS).',
    })
    .optional(),
  allowedOrigins: z
    .array(
      text.regex(/^https?:\/\/[^\s/?#]+$/, 'must be an origin such as https://app.example'),
      'must be an array of strings',
    )
    .max(100)
    .meta({
      description:
        'Origins of web pages that may use it, beside this machine (MCP_ALLOWED_ORIGINS).',
    })
    .optional(),
};
