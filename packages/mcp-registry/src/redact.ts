import { isJsonObject } from './json-object.ts';
import type { ServerRecord } from './server-record.ts';

/** What a hidden value is replaced by. */
export const redactedValue = '***';

const wholeReference =
  /^(?:\$\{(?:env:|input:)?[A-Za-z_][\w.-]*\}|\{[A-Za-z_][\w-]*\}|file:secrets\/[\w.-]+|env:[A-Za-z_]\w*)$/u;
const authScheme = /^(?:Bearer|Basic|Token)\s+(?=\S)/iu;
const secretName =
  /(?:token|secret|passw(?:or)?d|passphrase|credential|authorization|cookie|(?:api|access|private|auth|signing)[-_]?key|^key$|bearer|connection[-_]?string)/iu;

/**
 * Whether a value only points at a secret: `${VAR}`, `${input:id}`, `{var}`, `env:VAR`, `file:secrets/x`, each
 * optionally after an authentication scheme. A default inside the braces is a value, so it is not a reference.
 */
export function isSecretReference(value: string): boolean {
  return wholeReference.test(value.trim().replace(authScheme, ''));
}

function hide(value: string): string {
  return value === '' || isSecretReference(value) ? value : redactedValue;
}

function hideAll(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hide(value)]));
}

const userInfo = /^([a-z][a-z\d+.-]*:\/\/)([^/?#]*)@/iu;
const queryValue = /([?&#])([^=?&#]*)=([^&#]*)/gu;

/** Hides user info and every query value of a URL; text that is not a URL with either passes unchanged. */
function redactUrl(text: string): string {
  return text
    .replace(userInfo, `$1${redactedValue}@`)
    .replaceAll(
      queryValue,
      (_match, mark: string, name: string, value: string) => `${mark}${name}=${hide(value)}`,
    );
}

/** Fields with addresses that people open and browsers load, but no client of ours sends requests to. */
const shownFields: ReadonlySet<string> = new Set([
  'homepage',
  'icon',
  'iconUrl',
  'icons',
  'repository',
  'websiteUrl',
]);
/** Names under which addresses carry signatures and sign-ins, beside {@link secretName}. */
const signatureName =
  /^(?:sig|signature|sas|policy|code|pass|pw|pwd|pat|auth|jwt|sid|session(?:[-_]?id)?|x-(?:amz|goog|ms)-.*|apikey|.*[-_]key)$/iu;
const longRun = /[A-Za-z\d]{20,}/gu;
/** Starts of well-known tokens. */
const tokenStart =
  /^(?:gh[oprsu]_|github_pat_|glpat-|xox[abeoprs]-|sk[-_]|AKIA|AIza|ya29\.|hf_|npm_|eyJ)/u;

/** Whether there is a run of letters and digits that no person would have chosen. Linear: the text may be anybody's. */
function hasRandomRun(text: string): boolean {
  return (text.match(longRun) ?? []).some((run) => /\d/u.test(run) && /[A-Za-z]/u.test(run));
}

/** Of an address that is only shown: hides what is secret by name or looks; `?v=2` is part of the address. */
function redactShownUrl(text: string): string {
  return text
    .replace(userInfo, (_match, scheme: string, user: string) =>
      user === 'git' ? `${scheme}git@` : `${scheme}${redactedValue}@`,
    )
    .replaceAll(queryValue, (match, mark: string, name: string, value: string) => {
      const isSecret =
        secretName.test(name) ||
        signatureName.test(name) ||
        tokenStart.test(value) ||
        hasRandomRun(value);
      return isSecret ? `${mark}${name}=${hide(value)}` : match;
    });
}

function redactShown(key: string, value: unknown): unknown {
  if (typeof value === 'string') return secretName.test(key) ? hide(value) : redactShownUrl(value);
  if (Array.isArray(value)) return value.map((item) => redactShown(key, item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, redactShown(name, member)]),
  );
}

function flagName(arg: string): string | undefined {
  return /^--?[\w-]+$/u.test(arg) ? arg : undefined;
}

function redactArgs(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const assignment = /^(-{0,2}[\w-]+[=:]\s*)([\s\S]+)$/u.exec(arg);
    if (assignment !== null && secretName.test(assignment[1] ?? ''))
      return (assignment[1] ?? '') + hide(assignment[2] ?? '');
    const flag = flagName(args[index - 1] ?? '');
    if (flag !== undefined && secretName.test(flag) && flagName(arg) === undefined)
      return hide(arg);
    return redactUrl(arg);
  });
}

/** `{name, value, isSecret}` inputs of a `server.json`: environment variables, headers, arguments. */
function redactInput(input: Record<string, unknown>, sensitive: boolean): Record<string, unknown> {
  const name = typeof input['name'] === 'string' ? input['name'] : '';
  const secret = sensitive || input['isSecret'] === true || secretName.test(name);
  const hidden = Object.entries(input).map(([key, value]): [string, unknown] => {
    const holdsValue = (key === 'value' || key === 'default') && typeof value === 'string';
    if (!holdsValue) return [key, redactField(key, value)];
    return [key, secret ? hide(value) : redactUrl(value)];
  });
  return Object.fromEntries(hidden);
}

const sensitiveLists: ReadonlySet<string> = new Set(['environmentVariables', 'headers']);

function redactField(key: string, value: unknown): unknown {
  if (shownFields.has(key)) return redactShown(key, value);
  if (typeof value === 'string') return secretName.test(key) ? hide(value) : redactUrl(value);
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === 'string'))
      return /arg/iu.test(key) ? redactArgs(value) : value.map((item) => redactField(key, item));
    return value.map((item: unknown) =>
      isJsonObject(item) ? redactInput(item, sensitiveLists.has(key)) : redactField(key, item),
    );
  }
  if (!isJsonObject(value)) return value;
  if (key === 'env' || key === 'headers') return redactStrings(value);
  return redactInput(value, false);
}

function redactStrings(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? hide(value) : redactField(name, value),
    ]),
  );
}

/**
 * A copy that is safe to show (defect 24): values of `env` and `headers`, inputs of a `server.json` that are
 * secret by mark, place or name, secret-named fields and arguments, and user info and query values of URLs
 * become {@link redactedValue}. Of addresses that are only shown (icons, web site, repository) only what is secret by name
 * or looks is hidden. References to secrets stay readable. Call it on every way out to a person or peer.
 */
export function redactRecord(record: ServerRecord): ServerRecord {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) out[key] = redactField(key, value);
  if (record.env !== undefined) out['env'] = hideAll(record.env);
  if (record.headers !== undefined) out['headers'] = hideAll(record.headers);
  // Identity is never hidden, whatever it looks like.
  return { ...out, name: record.name, transport: record.transport };
}
