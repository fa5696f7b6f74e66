/** What a `Bearer` challenge asks for (RFC 6750 §3, RFC 9728 §5.1). */
export interface Challenge {
  readonly resourceMetadata: string | undefined;
  readonly scope: string | undefined;
  readonly error: string | undefined;
}

export const NO_CHALLENGE: Challenge = {
  resourceMetadata: undefined,
  scope: undefined,
  error: undefined,
};

/** Longer headers are not looked at. */
const MAX_CHARS = 8_192;
const SCHEME = /(?:^|[\s,])bearer(?=\s|$)/i;
const PARAMETER = /([a-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/gi;

function firstBearer(text: string): string {
  const at = text.search(SCHEME);
  if (at === -1) return '';
  const rest = text.slice(at).replace(/^[\s,]*bearer\s*/i, '');
  // The next scheme is a word without "=" behind it.
  const end = rest.search(/,\s*[a-z][\w-]*\s+[a-z_]+\s*=/i);
  return end === -1 ? rest : rest.slice(0, end);
}

/** Reads the first `Bearer` challenge of `WWW-Authenticate`; nothing of other schemes is taken. */
export function readChallenge(header: string | readonly string[] | undefined): Challenge {
  const text = typeof header === 'string' ? header : (header ?? []).join(', ');
  if (text === '' || text.length > MAX_CHARS) return NO_CHALLENGE;
  const values = new Map<string, string>();
  for (const [, name = '', quoted, plain] of firstBearer(text).matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '';
    if (!values.has(key)) values.set(key, value);
  }
  return {
    resourceMetadata: values.get('resource_metadata'),
    scope: values.get('scope'),
    error: values.get('error'),
  };
}

/** A scope token (RFC 6749 §3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;
/** More scopes than this are not asked for. */
const MAX_SCOPES = 100;

/** The scopes of a space-separated list, each once. */
export function scopesIn(text: string | undefined): readonly string[] {
  const words = (text ?? '').split(' ').filter((word) => SCOPE.test(word));
  return [...new Set(words)].slice(0, MAX_SCOPES);
}

/** All scopes of several lists, each once, in order. */
export function scopeUnion(...lists: readonly (readonly string[] | undefined)[]): string[] {
  return [...new Set(lists.flatMap((list) => list ?? []))].slice(0, MAX_SCOPES);
}
