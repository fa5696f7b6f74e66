const SECRET_NAME = /key|token|secret|passw|auth|credential/i;
/** `--api-key=value` and `API_KEY=value` as one argument. */
const ASSIGNED = /^(-{0,2}[\w.-]+)[=:](.+)$/s;
/** Shorter values are words that may stand in any text. */
const MIN_LENGTH = 6;
/** Values that are looked for. */
const MAX_VALUES = 100;

/** What a program was started with, as far as secrets may be in it. */
export interface ChildInput {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

function argumentSecrets(args: readonly string[]): string[] {
  return args.flatMap((argument, index) => {
    const assigned = ASSIGNED.exec(argument);
    const [, name = '', value = ''] = assigned ?? [];
    if (SECRET_NAME.test(name)) return [value];
    const flag = args[index - 1] ?? '';
    return flag.startsWith('-') && SECRET_NAME.test(flag) && !flag.includes('=') ? [argument] : [];
  });
}

/**
 * A function that hides what a program was given under a name such as `API_TOKEN`, and user info of URLs, in what the
 * program says: its last words are shown in logs and errors (S16).
 */
export function hideSecretsOf({ args, env }: ChildInput): (line: string) => string {
  const named = Object.entries(env).flatMap(([name, value = '']) =>
    SECRET_NAME.test(name) ? [value] : [],
  );
  const values = [...new Set([...named, ...argumentSecrets(args)])]
    .filter((value) => value.trim().length >= MIN_LENGTH)
    .toSorted((a, b) => b.length - a.length)
    .slice(0, MAX_VALUES);
  return (line) => {
    let shown = line;
    for (const value of values) shown = shown.replaceAll(value, '***');
    return shown.replaceAll(/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^/@\s]{1,512}@/gi, '$1***@');
  };
}
