import { UsageError } from './command.ts';

/** `K=V` pairs of an option that may be given several times. @throws UsageError naming the option, never the value. */
export function keyValuePairs(given: readonly string[], option: string): Record<string, string> {
  const values = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(0, at)).trim();
    if (at < 1 || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
      throw new UsageError(`--${option} needs NAME=value`);
    }
    values.set(name, text.slice(at + 1));
  }
  return Object.fromEntries(values);
}
