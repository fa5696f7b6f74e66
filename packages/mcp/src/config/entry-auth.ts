import type { OAuthSettings } from '../connectors/connector-auth.ts';
import { isFileReference } from '../connectors/secret-reference.ts';
import { AUTH_KEYS, checkAuth, type FileAuth, type FileOAuth } from './auth-schema.ts';
import { createExpander } from './expander.ts';
import type { ConfigDocument, JsonPath } from './config-document.ts';
import { ConfigError, formatPlace } from './config-error.ts';
import type { TransportReading } from './connector-transport.ts';
import type { FileEntry } from './entry-schema.ts';
import { describeUnknownKey } from './nearest.ts';
import { isLoopback } from './settings.ts';
import type { VariableScope } from './variables.ts';

/** Something is wrong in the file itself: where below `auth`, what, and what would be right. */
class AuthProblem extends Error {
  readonly path: readonly (string | number)[];
  readonly remedy: string;
  constructor(path: readonly (string | number)[], what: string, remedy: string) {
    super(what);
    this.name = 'AuthProblem';
    this.path = path;
    this.remedy = remedy;
  }
}

/** What `auth` of an entry comes to. */
export interface AuthReading {
  /** Joined to those of the entry. */
  readonly headers: Readonly<Record<string, string>>;
  readonly oauth: OAuthSettings | undefined;
  /** What depends on the environment and stands in the way. */
  readonly problem: string | undefined;
  /** Keys that are not known: one line each. */
  readonly warnings: readonly string[];
}

/** What `auth` stands in. */
export interface AuthSource {
  readonly document: ConfigDocument;
  /** Of the entry. */
  readonly path: JsonPath;
  readonly scope: VariableScope;
}

const NONE: AuthReading = { headers: {}, oauth: undefined, problem: undefined, warnings: [] };

/** Headers that frame the message or belong to MCP (S15). */
const RESERVED =
  /^(?:host|content-.*|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|accept|accept-encoding|mcp-.*)$/i;

function embed(reference: string): string {
  const text = reference.trim();
  return isFileReference(text) && text.startsWith('file:') ? `\${${text}}` : text;
}

/** @throws AuthProblem for a name that HTTP or MCP fills in. */
function headerOf(auth: Exclude<FileAuth, FileOAuth>): Record<string, string> {
  if (auth.type === 'bearer') return { Authorization: `Bearer ${embed(auth.token)}` };
  const { name, value } = auth;
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    throw new AuthProblem(['name'], 'is not a header name', 'use letters, digits and hyphens');
  }
  if (RESERVED.test(name)) {
    throw new AuthProblem(['name'], `"${name}" is set by the protocol`, 'name another header');
  }
  return { [name]: value };
}

/** @throws AuthProblem for keys that contradict each other. */
function checkOAuth(auth: FileOAuth): void {
  const { clientId, clientSecret, privateKey, issuer } = auth;
  const secret = clientSecret === undefined ? 'privateKey' : 'clientSecret';
  const hasSecret = clientSecret !== undefined || privateKey !== undefined;
  if (clientSecret !== undefined && privateKey !== undefined) {
    throw new AuthProblem(['privateKey'], 'there is a clientSecret as well', 'keep one of the two');
  }
  if (hasSecret && clientId === undefined) {
    throw new AuthProblem([secret], 'is given without a clientId', 'add clientId');
  }
  // Else the server's own metadata would say who is sent it.
  if (hasSecret && issuer === undefined) {
    const remedy = 'add issuer, the address of the authorization server it is for';
    throw new AuthProblem([secret], 'is given without an issuer', remedy);
  }
  if (auth.grant === 'client_credentials' && !hasSecret) {
    const remedy = 'add clientId, issuer and clientSecret or privateKey';
    throw new AuthProblem(
      ['grant'],
      'client_credentials needs a client that can prove itself',
      remedy,
    );
  }
}

function readOAuth(auth: FileOAuth, scope: VariableScope): AuthReading {
  checkOAuth(auth);
  const expander = createExpander(scope);
  const expanded = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : expander.expand(text).trim();
  const { type: _type, grant = 'authorization_code', ...rest } = auth;
  const oauth: OAuthSettings = {
    ...rest,
    grant,
    clientId: expanded(rest.clientId),
    issuer: expanded(rest.issuer),
    resource: expanded(rest.resource),
    scopes: rest.scopes?.map((one) => expander.expand(one)),
    allowedOrigins: rest.allowedOrigins?.map((one) => expander.expand(one)),
  };
  const odd = [oauth.issuer, oauth.resource, ...(oauth.allowedOrigins ?? [])].find(
    (one) => one !== undefined && URL.parse(one) === null,
  );
  const problem =
    expander.problem() ?? (odd === undefined ? undefined : `auth: "${odd}" is not a URL`);
  // What is not given is not there, so that two readings of the same file are equal.
  const given = Object.entries(oauth).filter(([, value]) => value !== undefined);
  const settings: OAuthSettings = { grant, ...Object.fromEntries(given) };
  return { ...NONE, oauth: settings, problem };
}

/** Why tokens must not be sent to an address; undefined when they may. */
function addressProblem(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed?.protocol === 'https:') return undefined;
  const host = parsed?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return isLoopback(host)
    ? undefined
    : 'auth of type oauth needs https, or a server on this machine';
}

/** @throws AuthProblem for what is wrong in the file itself. */
function read(
  entry: Pick<FileEntry, 'auth' | 'headers' | 'command'>,
  scope: VariableScope,
): AuthReading {
  const checked = checkAuth(entry.auth);
  if (checked.kind === 'foreign') return NONE;
  if (checked.kind === 'invalid') {
    throw new AuthProblem(checked.path, checked.message, 'correct or remove it');
  }
  const { value: auth } = checked;
  if (entry.command !== undefined) {
    const remedy = 'give its process what it needs in env';
    throw new AuthProblem([], 'is for servers over HTTP', remedy);
  }
  const reading =
    auth.type === 'oauth' ? readOAuth(auth, scope) : { ...NONE, headers: headerOf(auth) };
  const own = auth.type === 'oauth' ? ['Authorization'] : Object.keys(reading.headers);
  const taken = Object.keys(entry.headers ?? {}).find(
    (name) => name.toLowerCase() === own[0]?.toLowerCase(),
  );
  if (taken !== undefined) {
    const what = `the header ${taken} is given in headers as well`;
    throw new AuthProblem([], what, 'keep one of the two');
  }
  return reading;
}

/** Keys of `auth` that are not known: one line each. */
function warningsOf({ auth }: Pick<FileEntry, 'auth'>, { document, path }: AuthSource): string[] {
  const checked = checkAuth(auth);
  if (checked.kind !== 'valid') return [];
  const known = AUTH_KEYS[checked.value.type];
  const odd = Object.keys(Object(auth)).filter(
    (key) => !known.includes(key) && !/^(?:[_$]|\/\/|x-|#)/.test(key),
  );
  return odd.map((key) => {
    const place = formatPlace(document.place([...path, 'auth', key]));
    return `${place}: ${describeUnknownKey(key, known)}`;
  });
}

/**
 * Reads `auth` of an entry: headers for fixed keys, or settings of OAuth. What clients write under this key is left
 * alone.
 * @throws ConfigError for what is wrong in the file itself.
 */
export function readEntryAuth(
  entry: Pick<FileEntry, 'auth' | 'headers' | 'command'>,
  source: AuthSource,
): AuthReading {
  try {
    return { ...read(entry, source.scope), warnings: warningsOf(entry, source) };
  } catch (error) {
    if (!(error instanceof AuthProblem)) throw error;
    const place = source.document.place([...source.path, 'auth', ...error.path]);
    throw new ConfigError('CONFIG_BAD_VALUE', error.message, error.remedy, place);
  }
}

/** As {@link readEntryAuth}, for an entry of the registry: what is wrong in it is its `problem` and touches no other. */
export function readRecordAuth(
  entry: Pick<FileEntry, 'auth' | 'headers' | 'command'>,
  scope: VariableScope,
): AuthReading {
  try {
    return read(entry, scope);
  } catch (error) {
    if (!(error instanceof AuthProblem)) throw error;
    const place = ['auth', ...error.path].join('.');
    return { ...NONE, problem: `${place} of its entry: ${error.message}; ${error.remedy}` };
  }
}

/** The transport with what `auth` adds to it. */
export function withAuth(
  reading: TransportReading,
  auth: AuthReading,
  { replicas = [] }: Pick<FileEntry, 'replicas'>,
): TransportReading {
  const { transport } = reading;
  if (auth.problem !== undefined) return { transport: undefined, problem: auth.problem };
  const { oauth } = auth;
  if (oauth === undefined || transport === undefined) return reading;
  if (transport.kind !== 'http' && transport.kind !== 'sse') return reading;
  // A login is for one address.
  const isAmbiguous = replicas.length > 0 && oauth.grant === 'authorization_code';
  const problem = isAmbiguous
    ? 'auth of type oauth has replicas only with grant client_credentials'
    : addressProblem(transport.url);
  if (problem !== undefined) return { transport: undefined, problem };
  return { transport: { ...transport, oauth }, problem: undefined };
}
