import type { ListKind } from '../../protocol/list-kind.ts';
import type { JsonObject } from '../../protocol/message.ts';
import { DEFAULT_MANIFEST_LIMITS, textsOf, type Manifest } from '../manifest.ts';
import { manifestDigestAtOnce } from '../manifest-digest.ts';
import { readItem, rereadItem, type ManifestItem } from '../manifest-item.ts';

/** A manifest with what it was fetched from: one of another server must not be served under the same id. */
export interface CachedManifest {
  readonly manifest: Manifest;
  /** Digest of the connector's transport and era. */
  readonly source: string;
  /** When its server was last asked for its era, epoch milliseconds; undefined where that was not asked over HTTP. */
  readonly eraAtMs?: number | undefined;
}

/** What can be kept as JSON: items as their raw text; where the name stands in it is found again on reading. */
export function encodeManifest({ manifest, source, eraAtMs }: CachedManifest): unknown {
  return { source, eraAtMs, manifest: { ...manifest, lists: textsOf(manifest.lists) } };
}

// By hand: with a schema, checking a hundred manifests takes a start longer than reading and parsing them.

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  if (!isObject(value)) throw new TypeError(`${key} is no object`);
  return value;
}

function textAt(parent: JsonObject, key: string): string {
  const value = parent[key];
  if (typeof value !== 'string') throw new TypeError(`${key} is no string`);
  return value;
}

function numberAt(parent: JsonObject, key: string): number {
  const value = parent[key];
  if (typeof value !== 'number') throw new TypeError(`${key} is no number`);
  return value;
}

function textsAt(parent: JsonObject, key: string): readonly string[] {
  const value: unknown = parent[key];
  const isTexts = Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (!isTexts) throw new TypeError(`${key} is no array of strings`);
  return value;
}

function oneAt<T extends string>(parent: JsonObject, key: string, values: readonly T[]): T {
  const value = values.find((one) => one === parent[key]);
  if (value === undefined) throw new TypeError(`${key} is not ${values.join(' or ')}`);
  return value;
}

function infoOf(info: JsonObject): Manifest['info'] {
  return {
    era: oneAt(info, 'era', ['modern', 'legacy']),
    protocolVersion: textAt(info, 'protocolVersion'),
    capabilities: objectAt(info, 'capabilities'),
    serverInfo: info['serverInfo'] === undefined ? undefined : objectAt(info, 'serverInfo'),
    instructions: info['instructions'] === undefined ? undefined : textAt(info, 'instructions'),
  };
}

function hintOf(hint: JsonObject): Manifest['hint'] {
  const ttlMs = numberAt(hint, 'ttlMs');
  if (ttlMs < 0) throw new TypeError('ttlMs is negative');
  return { ttlMs, cacheScope: oneAt(hint, 'cacheScope', ['public', 'private']) };
}

function itemOf(text: string, kind: ListKind, isKnown: boolean): ManifestItem {
  if (!isKnown) JSON.parse(text); // throws when it is damaged
  const read = isKnown ? rereadItem : readItem;
  const reading = read(text, kind, DEFAULT_MANIFEST_LIMITS.maxDepth);
  if (reading.kind === 'refused') throw new TypeError(`an item of ${kind} ${reading.why}`);
  return reading.item;
}

/** @throws TypeError or SyntaxError, saying what is wrong with it. */
export function decodeManifest(json: unknown): CachedManifest {
  if (!isObject(json)) throw new TypeError('value is no object');
  const kept = objectAt(json, 'manifest');
  const info = objectAt(kept, 'info');
  const hint = hintOf(objectAt(kept, 'hint'));
  const lists = objectAt(kept, 'lists');
  const digest = textAt(kept, 'digest');
  const texts = {
    tools: textsAt(lists, 'tools'),
    prompts: textsAt(lists, 'prompts'),
    resources: textsAt(lists, 'resources'),
    resourceTemplates: textsAt(lists, 'resourceTemplates'),
  };
  // What is as it was written was looked at, letter by letter, when it was fetched.
  const isKnown = digest === manifestDigestAtOnce({ head: [info, hint.cacheScope], texts });
  const itemsOf = (kind: ListKind): readonly ManifestItem[] =>
    texts[kind].map((text) => itemOf(text, kind, isKnown));
  return {
    source: textAt(json, 'source'),
    eraAtMs: json['eraAtMs'] === undefined ? undefined : numberAt(json, 'eraAtMs'),
    manifest: {
      info: infoOf(info),
      lists: {
        tools: itemsOf('tools'),
        prompts: itemsOf('prompts'),
        resources: itemsOf('resources'),
        resourceTemplates: itemsOf('resourceTemplates'),
      },
      hint,
      digest,
      warnings: textsAt(kept, 'warnings'),
    },
  };
}
