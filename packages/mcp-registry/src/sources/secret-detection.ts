import { isSecretReference } from '../redact.ts';

const secretName =
  /(?:token|secret|passw(?:or)?d|passphrase|credential|authorization|cookie|(?:api|access|private|auth|signing|encryption)[-_]?key|^key$|_key$|-key$|bearer|connection[-_]?string|^pat$|_pat$|^dsn$|_dsn$|webhook)/iu;
/** Shapes of tokens that well-known services issue. */
const knownToken =
  /^(?:gh[oprsu]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|sk-|sk_|rk_|pk_live_|AKIA|ASIA|AIza|ya29\.|hf_|npm_|pypi-|dop_v1_|shpat_|SG\.|lin_api_|ntn_|secret_|eyJ[\w-]+\.)[\w.+/=~-]{8,}$/u;
const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/iu;
const reference = /\$\{[^{}]*\}/gu;
const placeholder = /^<[^<>]*>$/u;
const filler = /(?:Bearer|Basic|Token|ApiKey|Api-Key|Key)|[^\p{L}\p{N}]+/giu;
/** Values of secret-named settings that are switches and not secrets. */
const harmless = /^(?:true|false|yes|no|on|off|none|null|auto|\d{1,6})$/iu;
const leastLiteral = 6;

function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** One unbroken run of letters and digits that no person would have chosen. */
function isRandomRun(run: string): boolean {
  const digits = run.match(/\d/gu)?.length ?? 0;
  return run.length >= 24 && digits >= 3 && /[A-Za-z]/u.test(run) && entropyBits(run) >= 3.4;
}

/** Whether a name is one under which secrets are kept. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}

/** Whether a value looks like a key or token, whatever it is called. */
export function looksSecret(value: string): boolean {
  const text = value.trim();
  if (uuid.test(text) || text.includes('sha256:') || text.includes('sha512-')) return false;
  const words = text.split(/[\s,;:"'=/\\@]+/u);
  return words.some((word) => knownToken.test(word) || word.split(/[_.-]/u).some(isRandomRun));
}

/** Whether a value is `${…}`, `file:…` or another pointer to where the value is, with no secret of its own. */
export function isReference(value: string): boolean {
  const text = value.trim();
  if (isSecretReference(text) || placeholder.test(text) || /^file:\/(?!\/)/u.test(text))
    return true;
  if (text.search(reference) === -1) return false;
  return text.replaceAll(reference, '').replaceAll(filler, '').length < leastLiteral;
}

/** Whether a value is a secret written out. `sensitive` says that its name or place is one for secrets. */
export function isLiteralSecret(value: string, sensitive: boolean): boolean {
  if (value.trim() === '' || isReference(value)) return false;
  const literal = value.replaceAll(reference, ' ');
  if (looksSecret(literal)) return true;
  return sensitive && !harmless.test(value.trim());
}

/** Whether a `${NAME:-default}` in the value has a default that is a secret written out. */
export function hasSecretDefault(value: string, sensitive: boolean): boolean {
  return [...value.matchAll(reference)].some(([whole]) => {
    const at = whole.indexOf(':-');
    return at !== -1 && isLiteralSecret(whole.slice(at + 2, -1), sensitive);
  });
}
