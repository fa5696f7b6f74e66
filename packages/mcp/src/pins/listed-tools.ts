import type { Manifest, ManifestItem } from '../connectors/manifest.ts';
import { stateOf, type ConnectorPins } from './pin-book.ts';
import { stripOdd } from './odd-text.ts';
import { stripProse } from './strip-text.ts';

export interface ListedToolsPorts {
  readonly hashOf: (definition: ManifestItem) => string;
  /** Reads an item from its text; undefined when it cannot be listed. */
  readonly readTool: (text: string) => ManifestItem | undefined;
}

/**
 * The tools of a connector in quarantine as they are listed: one that has changed as it was approved, not to be called;
 * one that was never approved not at all.
 */
export function quarantinedTools(
  tools: readonly ManifestItem[],
  pins: ConnectorPins | undefined,
  { hashOf, readTool }: ListedToolsPorts,
): readonly ManifestItem[] {
  return tools.flatMap((item) => {
    const state = stateOf(pins, item.id, hashOf(item));
    if (state === 'approved') return item;
    const text = state === 'changed' ? pins?.tools.get(item.id)?.approved?.text : undefined;
    const approved = text === undefined ? undefined : readTool(text);
    return approved === undefined ? [] : { ...approved, quarantine: 'changed' as const };
  });
}

/** A manifest with the prose of all its items stripped; itself when there was nothing. Pauses after each item. */
export function* strippedManifest(
  manifest: Manifest,
  read: (kind: keyof Manifest['lists'], text: string) => ManifestItem | undefined,
): Generator<void, Manifest, void> {
  let changed = false;
  const lists = { ...manifest.lists };
  for (const kind of ['tools', 'prompts', 'resources', 'resourceTemplates'] as const) {
    const items: ManifestItem[] = [];
    for (const item of manifest.lists[kind]) {
      const text = stripProse(item.text);
      const stripped = text === item.text ? undefined : read(kind, text);
      changed ||= stripped !== undefined;
      items.push(stripped === undefined ? item : { ...item, ...stripped });
      yield;
    }
    lists[kind] = items;
  }
  const { instructions } = manifest.info;
  const plain = instructions === undefined ? undefined : stripOdd(instructions);
  if (!changed && plain === instructions) return manifest;
  return { ...manifest, lists, info: { ...manifest.info, instructions: plain } };
}
