import { isJsonObject } from '../json-object.ts';
import type { ServerRecord } from '../server-record.ts';
import { clientSource } from './client.ts';
import { isSecretName } from './secret-detection.ts';

/** One text of a record that may hold a secret. */
export interface ValueSlot {
  /** Where it stands, the same for two records of one shape: `env.TOKEN`, `args.2.0`. */
  readonly key: string;
  /** What to call it: the variable, header or option. */
  readonly label: string;
  /** Its name or place is one for secrets. */
  readonly sensitive: boolean;
  /** It stands inside a longer text, where only `${…}` can refer to something. */
  readonly embedded: boolean;
}

/** Gives the new text of a slot. */
export type ValueMapper = (value: string, slot: ValueSlot) => string;

// A reference may hold any of the characters that separate the parts of a URL. The alternatives never overlap, so
// that matching takes linear time on any text.
const part = (stops: string): string => String.raw`(?:\$\{[^{}]*\}|[^${stops}$]|\$(?!\{[^{}]*\}))`;
const scheme = String.raw`^[a-z][a-z\d+.-]*:\/\/`;
const authorityOf = new RegExp(`${scheme}${part('/?#')}*`, 'iu');
const userInfo = new RegExp(`(${scheme}(?:${part('/?#@:')}*:)?)(${part('/?#@')}*)@`, 'iu');
const pathOf = new RegExp(`^${part('?#')}*`, 'u');
const pathPart = new RegExp(`/(${part('/?#')}+)`, 'gu');
const queryValue = new RegExp(`([?&]([^=&#]*)=)(${part('&#')}*)`, 'gu');
const isUrl = (text: string): boolean => /^[a-z][a-z\d+.-]*:\/\//iu.test(text);

function mapUrl(url: string, at: { key: string; label: string }, map: ValueMapper): string {
  let count = 0;
  const visit = (value: string, label: string, sensitive: boolean): string => {
    if (value === '') return value;
    const key = `${at.key}.${count}`;
    count += 1;
    return map(value, { key, label, sensitive, embedded: true });
  };
  const start = authorityOf.exec(url)?.[0] ?? '';
  const authority = start.replace(
    userInfo,
    (_all, before: string, value: string) =>
      `${before}${visit(value, `${at.label} password`, true)}@`,
  );
  const rest = url.slice(start.length);
  const whole = pathOf.exec(rest)?.[0] ?? '';
  const path = whole.replaceAll(
    pathPart,
    (_all, segment: string) => `/${visit(segment, `${at.label} path`, false)}`,
  );
  const tail = rest
    .slice(whole.length)
    .replaceAll(
      queryValue,
      (_all, before: string, name: string, value: string) =>
        before + visit(value, name, isSecretName(name)),
    );
  return authority + path + tail;
}

function mapArg(arg: string, index: number, previous: string, map: ValueMapper): string {
  const key = `args.${index}`;
  if (isUrl(arg)) return mapUrl(arg, { key, label: 'url' }, map);
  const assignment = /^(-{0,2}([\w-]+)[=:]\s*)([\s\S]+)$/u.exec(arg);
  if (assignment !== null) {
    const [, before = '', name = '', value = ''] = assignment;
    if (isUrl(value)) return before + mapUrl(value, { key, label: name }, map);
    const slot = { key: `${key}.0`, label: name, sensitive: isSecretName(name), embedded: true };
    return before + map(value, slot);
  }
  const flag = /^--?([\w-]+)$/u.exec(previous)?.[1];
  const isFlag = /^--?[\w-]+$/u.test(arg);
  const sensitive = flag !== undefined && !isFlag && isSecretName(flag);
  return map(arg, { key, label: flag ?? `argument ${index + 1}`, sensitive, embedded: true });
}

function mapStrings(
  values: Readonly<Record<string, string>>,
  place: 'env' | 'headers',
  map: ValueMapper,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const slot = { key: `${place}.${name}`, label: name, sensitive: isSecretName(name) };
      return [name, map(value, { ...slot, embedded: false })];
    }),
  );
}

function mapMember(value: unknown, slot: ValueSlot, map: ValueMapper): unknown {
  if (typeof value === 'string') return map(value, slot);
  if (Array.isArray(value))
    return value.map((item, index) =>
      mapMember(item, { ...slot, key: `${slot.key}.${index}` }, map),
    );
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const sensitive = isSecretName(name);
      const inner = { ...slot, key: `${slot.key}.${name}`, label: name, sensitive };
      return [name, mapMember(member, inner, map)];
    }),
  );
}

function mapKeys(record: ServerRecord, map: ValueMapper): Record<string, unknown> {
  const source = clientSource(record);
  if (source?.keys === undefined) return {};
  const slot = { key: 'keys', label: 'key', sensitive: false, embedded: false };
  return { source: { ...source, keys: mapMember(source.keys, slot, map) } };
}

/** A copy of the record in which every text that may hold a secret was given by `map`, in a fixed order. */
export function mapRecordValues(record: ServerRecord, map: ValueMapper): ServerRecord {
  const { env, headers, args, endpoint } = record;
  return {
    ...record,
    ...(env && { env: mapStrings(env, 'env', map) }),
    ...(headers && { headers: mapStrings(headers, 'headers', map) }),
    ...(args && {
      args: args.map((arg, index) => mapArg(arg, index, args[index - 1] ?? '', map)),
    }),
    ...(endpoint !== undefined && {
      endpoint: mapUrl(endpoint, { key: 'endpoint', label: 'url' }, map),
    }),
    ...mapKeys(record, map),
  };
}

/** Every such text by its {@link ValueSlot.key}. */
export function recordValues(record: ServerRecord): Map<string, string> {
  const values = new Map<string, string>();
  mapRecordValues(record, (value, slot) => {
    values.set(slot.key, value);
    return value;
  });
  return values;
}
