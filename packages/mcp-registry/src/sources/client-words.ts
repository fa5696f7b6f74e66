import { isJsonObject } from '../json-object.ts';
import type { ClientName } from './client.ts';
import { namedTexts, optionalText, UnusableEntry } from './entry-texts.ts';

type Members = Readonly<Record<string, unknown>>;

/** `$NAME` as a word of its own: what stands inside a longer one may be part of a password. */
const bareVariable = /(?<![\w$])\$([A-Z_][A-Z0-9_]*)(?!\w)/gu;

/** Members of an entry in which Gemini CLI replaces variables. */
const geminiTexts = ['command', 'args', 'env', 'headers', 'cwd', 'url', 'httpUrl'] as const;

function withBraces(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(bareVariable, '${$1}');
  if (Array.isArray(value)) return value.map(withBraces);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withBraces(one)]));
}

/** Gemini CLI knows `$NAME` beside `${NAME}`. */
function ofGemini(value: Members): Members {
  const words: readonly string[] = geminiTexts;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, words.includes(key) ? withBraces(one) : one]),
  );
}

function variable(name: string, what: string): string {
  if (/^[A-Za-z_]\w*$/u.test(name)) return name;
  throw new UnusableEntry(`${what} is not the name of a variable`);
}

/** Headers as Codex gives them: as they are, by the variable that holds the value, and the token of one. */
function codexHeaders(value: Members): Record<string, string> | undefined {
  const plain = namedTexts(value['http_headers'], 'http_headers').values ?? {};
  const named = namedTexts(value['env_http_headers'], 'env_http_headers').values ?? {};
  const held = optionalText(value['bearer_token_env_var'], 'bearer_token_env_var');
  const token = optionalText(value['bearer_token'], 'bearer_token');
  const headers: [string, string][] = [
    ...Object.entries(plain),
    ...Object.entries(named).map(([name, from]): [string, string] => [
      name,
      `\${${variable(from, `${name} in env_http_headers`)}}`,
    ]),
  ];
  if (token !== undefined) headers.push(['Authorization', `Bearer ${token}`]);
  if (held !== undefined)
    headers.push(['Authorization', `Bearer \${${variable(held, 'bearer_token_env_var')}}`]);
  return headers.length === 0 ? undefined : Object.fromEntries(headers);
}

/** Variables that Codex hands on from its own environment. It does without one that is not set, and so do we. */
function handedOn(value: unknown): [string, string][] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new UnusableEntry('env_vars is not an array');
  return value.map((given: unknown) => {
    const name = variable(String(isJsonObject(given) ? given['name'] : given), 'one of env_vars');
    return [name, `\${${name}:-}`];
  });
}

/** `[mcp_servers.NAME]` of Codex, whose texts hold no variables. */
function ofCodex(value: Members): Members {
  const {
    http_headers: _plain,
    env_http_headers: _named,
    bearer_token: _token,
    bearer_token_env_var: _held,
    env_vars: names,
    env,
    ...rest
  } = value;
  const headers = codexHeaders(value);
  const others = Object.fromEntries(handedOn(names));
  const own = namedTexts(env, 'env').values;
  return {
    ...rest,
    ...((own !== undefined || names !== undefined) && { env: { ...others, ...own } }),
    ...(headers && { headers }),
  };
}

/** An entry in the words that most clients have in common. @throws UnusableEntry */
export function inCommonWords(client: ClientName, value: Members): Members {
  if (client === 'gemini') return ofGemini(value);
  return client === 'codex' ? ofCodex(value) : value;
}

function namesIn(value: unknown): ReadonlySet<unknown> | undefined {
  return Array.isArray(value) ? new Set<unknown>(value) : undefined;
}

/** Which servers of a file its client leaves out by a list beside them: `mcp.allowed`, `mcp.excluded` of Gemini CLI. */
export function excludedBy(client: ClientName, root: Members): (name: string) => boolean {
  const { mcp } = root;
  if (client !== 'gemini') return () => false;
  const lists = isJsonObject(mcp) ? mcp : {};
  const allowed = namesIn(lists['allowed'] ?? root['allowMCPServers']);
  const excluded = namesIn(lists['excluded'] ?? root['excludeMCPServers']);
  return (name) => excluded?.has(name) === true || allowed?.has(name) === false;
}
