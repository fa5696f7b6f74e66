import { applyEdits, modify, type FormattingOptions } from 'jsonc-parser';
import { isJsonObject } from '../json-object.ts';
import { editClientFile } from './edit-client-file.ts';
import { entryPath, type ClientExport } from './export-client-config.ts';
import type { ExportedEntry } from './export-entry.ts';
import { parseJsonText, sameJson } from './json-text.ts';
import { SourceError } from './source-error.ts';

/** What merging did. */
export interface MergeOutcome {
  readonly file: string;
  /** The copy of the file as it was; `undefined` when there was none or nothing had to change. */
  readonly backup: string | undefined;
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly unchanged: readonly string[];
}

function at(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const step of path)
    value = isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  return value;
}

/** `\t` or the spaces of the first indented line. */
function formatting(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/u.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 4 : Math.min(indent.length, 8),
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}

const placeholder = /\$\{[^{}]*\}/u;

/** Values that the file has stay where only a placeholder would take their place. */
function keepValues(next: unknown, old: unknown, names: ReadonlySet<string>): unknown {
  if (typeof next === 'string') {
    const stands = placeholder.test(next) && [...names].some((name) => next.includes(name));
    return stands && typeof old === 'string' ? old : next;
  }
  if (Array.isArray(next)) {
    const items: readonly unknown[] = Array.isArray(old) && old.length === next.length ? old : [];
    return next.map((item: unknown, index) => keepValues(item, items[index], names));
  }
  if (!isJsonObject(next)) return next;
  return Object.fromEntries(
    Object.entries(next).map(([key, item]) => [key, keepValues(item, at(old, [key]), names)]),
  );
}

function placeholderTexts(entry: ExportedEntry): Set<string> {
  return new Set(
    entry.placeholders.flatMap((name) => [name, name.toLowerCase().replaceAll('_', '-')]),
  );
}

/** Members of how a server is reached, of which an entry must not have old ones beside new ones. */
const reachKeys = ['type', 'command', 'args', 'url', 'httpUrl', 'serverUrl'] as const;

function mergedEntry(entry: ExportedEntry, old: unknown): Record<string, unknown> {
  const value = keepValues(entry.value, old, placeholderTexts(entry));
  const next = isJsonObject(value) ? value : entry.value;
  if (!isJsonObject(old)) return next;
  const reach: readonly string[] = reachKeys;
  const kept = Object.entries(old).filter(([key]) => !reach.includes(key));
  return { ...Object.fromEntries(kept), ...next };
}

interface Draft {
  text: string;
  readonly root: unknown;
  readonly options: FormattingOptions;
}

/** Changes only the members that differ, so that everything else stays as it was written. */
function put(draft: Draft, path: readonly string[], next: unknown): void {
  const old = at(draft.root, path);
  if (sameJson(old, next)) return;
  if (isJsonObject(old) && isJsonObject(next)) {
    for (const key of Object.keys(old))
      if (!Object.hasOwn(next, key)) edit(draft, [...path, key], undefined);
    for (const [key, value] of Object.entries(next)) put(draft, [...path, key], value);
    return;
  }
  edit(draft, path, next);
}

function edit(draft: Draft, path: readonly string[], value: unknown): void {
  const edits = modify(draft.text, [...path], value, { formattingOptions: draft.options });
  draft.text = applyEdits(draft.text, edits);
}

function addInputs(draft: Draft, entries: readonly ExportedEntry[]): void {
  const present = at(draft.root, ['inputs']);
  const inputs: readonly unknown[] = Array.isArray(present) ? present : [];
  const ids = new Set(inputs.map((input) => (isJsonObject(input) ? input['id'] : undefined)));
  const missing: unknown[] = [];
  for (const input of entries.flatMap((entry) => entry.inputs)) {
    if (ids.has(input['id'])) continue;
    ids.add(input['id']);
    missing.push(input);
  }
  if (missing.length === 0) return;
  if (!Array.isArray(present)) return edit(draft, ['inputs'], missing);
  for (const [index, input] of missing.entries()) {
    const edits = modify(draft.text, ['inputs', inputs.length + index], input, {
      formattingOptions: draft.options,
      isArrayInsertion: true,
    });
    draft.text = applyEdits(draft.text, edits);
  }
}

/**
 * The text of a client's file with entries merged in. Every other member and every comment stays, with its bytes
 * unless it shares a line with something new; of an entry that is there, members we do not know and values that we
 * would only write a placeholder for stay.
 * @throws SourceError `EFORMAT` when the text is not such a file.
 */
export function mergeClientConfig(
  text: string,
  exported: ClientExport,
): { text: string } & Pick<MergeOutcome, 'added' | 'updated' | 'unchanged'> {
  const start = text.trim() === '' ? '{}\n' : text;
  const root = parseJsonText(start);
  if (!isJsonObject(root)) throw new SourceError('EFORMAT', 'the file is not a JSON object');
  const draft: Draft = { text: start, root, options: formatting(start) };
  const outcome = { added: [] as string[], updated: [] as string[], unchanged: [] as string[] };
  const written: [string[], unknown][] = [];
  for (const entry of exported.entries) {
    const path = entryPath(exported.client, entry);
    const holder = at(root, path.slice(0, -1));
    if (holder !== undefined && !isJsonObject(holder))
      throw new SourceError('EFORMAT', `${path.slice(0, -1).join('.')} is not an object`);
    const old = at(root, path);
    const next = mergedEntry(entry, old);
    if (old === undefined) outcome.added.push(entry.name);
    else if (sameJson(old, next)) outcome.unchanged.push(entry.name);
    else outcome.updated.push(entry.name);
    put(draft, path, next);
    written.push([path, next]);
  }
  if (outcome.added.length + outcome.updated.length > 0) addInputs(draft, exported.entries);
  assertReadBack(draft.text, written);
  return { text: draft.text, ...outcome };
}

/** With a member given twice, clients read the last one and an edit changes the first. */
function assertReadBack(
  text: string,
  written: readonly (readonly [path: string[], value: unknown])[],
): void {
  const root = parseJsonText(text);
  const lost = written.find(([path, value]) => !sameJson(at(root, path), value));
  if (lost === undefined) return;
  const where = lost[0].slice(0, -1).join('.');
  throw new SourceError('EFORMAT', `a member on the way to ${where} is given twice; remove one`);
}

/**
 * Merges entries into a client's file, made if there is none, and keeps a copy of what was there beside it. A symbolic
 * link is followed, so that it stays one. `now` is the wall clock, for the name of the copy.
 * @throws SourceError when the file is not JSON, or is changed by another program meanwhile (it is left alone); what the
 * file system reports.
 */
export async function writeClientConfig(
  path: string,
  exported: ClientExport,
  options: { readonly now: () => Date },
): Promise<MergeOutcome> {
  let outcome: Omit<MergeOutcome, 'file' | 'backup'> = { added: [], updated: [], unchanged: [] };
  const merge = (old: string | undefined): string | undefined => {
    const { text, ...rest } = mergeClientConfig(old ?? '', exported);
    outcome = rest;
    return rest.added.length + rest.updated.length === 0 ? undefined : text;
  };
  const { file, backup } = await editClientFile(path, merge, options);
  return { file, backup, ...outcome };
}
