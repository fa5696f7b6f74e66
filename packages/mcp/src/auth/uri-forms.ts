/** How often percent signs are taken for codes: servers decode once, some of them twice. */
const MAX_DECODED = 3;
/** Longer ones have no business under a rule, unless they are plainly written. */
const MAX_LENGTH = 16_384;
/** What can be written in one way only: nothing coded, no dots to go back by, nothing twice, no query. */
const PLAIN = /^[a-z][a-z\d+.-]*:\/\/[a-z\d.-]*(?:\/[\w~-][\w~.-]*)*\/?$/;
const HEAD = /^([a-z][a-z\d+.-]*:)(\/\/[^/?#]*)?/i;
const DEFAULT_PORTS: Readonly<Record<string, RegExp>> = {
  'http:': /:(?:80)?$/,
  'https:': /:(?:443)?$/,
};

function decoded(text: string): string {
  return text.replaceAll(/(?:%[\da-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      // No UTF-8: what is ASCII of it counts all the same.
      return run.replaceAll(/%([0-7][\da-f])/gi, (_code, hex: string) =>
        String.fromCodePoint(Number.parseInt(hex, 16)),
      );
    }
  });
}

function withoutDots(path: string): string {
  const segments = path.split('/');
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const isFolder = kept.length > 0 && /(?:^|\/)\.{0,2}$/.test(path);
  return `${path.startsWith('/') ? '/' : ''}${kept.join('/')}${isFolder ? '/' : ''}`;
}

/** The same address in one way of writing (RFC 3986 section 6.2.2, RFC 8089), its codes left as they are. */
function resolved(text: string): string {
  const slashed = text.replaceAll('\\', '/');
  const [head, scheme = '', authority] = HEAD.exec(slashed) ?? [];
  if (head === undefined) return text;
  const kind = scheme.toLowerCase();
  const path = withoutDots(slashed.slice(head.length));
  if (
    kind === 'file:' &&
    (authority === undefined ? path.startsWith('/') : /^\/\/localhost$/i.test(authority))
  ) {
    return `file://${path}`;
  }
  const host = authority?.toLowerCase() ?? '';
  return `${kind}${host.replace(DEFAULT_PORTS[kind] ?? /$^/, '')}${path}`;
}

function addForms(forms: Set<string>, uri: string): void {
  let text = uri;
  for (let round = 0; round <= MAX_DECODED; round += 1) {
    forms.add(text).add(resolved(text));
    const next = decoded(text);
    if (next === text) return;
    text = next;
  }
}

/** Whatever a server may take a URI for. */
export interface UriForms {
  /** The URI, and other ways to write it: what allows it must allow all of them. */
  readonly all: readonly string[];
  /** As `all`, and those without query and fragment: what denies one of them denies it. */
  readonly wide: readonly string[];
}

/** Undefined for a URI that is too long to judge. A rule on URIs must not be evaded by writing one otherwise. */
export function uriForms(uri: string): UriForms | undefined {
  if (PLAIN.test(uri) && !uri.startsWith('file://localhost/')) return { all: [uri], wide: [uri] };
  if (uri.length > MAX_LENGTH) return undefined;
  const forms = new Set<string>();
  addForms(forms, uri);
  const all = [...forms];
  const address = uri.replace(/[?#].*$/s, '');
  if (address !== uri) addForms(forms, address);
  return { all, wide: [...forms] };
}

/** A pattern for URIs, and the pattern for the same URIs written otherwise. */
export function uriPatterns(pattern: string): readonly string[] {
  const forms = new Set<string>();
  addForms(forms, pattern);
  return [...forms];
}
