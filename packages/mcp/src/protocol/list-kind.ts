/** The four lists an MCP server can offer. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

export const LIST_KINDS: readonly ListKind[] = [
  'tools',
  'prompts',
  'resources',
  'resourceTemplates',
];

export interface ListShape {
  /** The JSON-RPC method that answers the list. */
  readonly method: string;
  /** The key of `result` that holds the items. */
  readonly resultKey: ListKind;
  /** The member that identifies an item. */
  readonly idKey: 'name' | 'uri' | 'uriTemplate';
  /** The server capability that must be present. */
  readonly capability: 'tools' | 'prompts' | 'resources';
  /** The notification that says the list has changed. */
  readonly changed: string;
}

export const LIST_SHAPES: Readonly<Record<ListKind, ListShape>> = {
  tools: {
    method: 'tools/list',
    resultKey: 'tools',
    idKey: 'name',
    capability: 'tools',
    changed: 'notifications/tools/list_changed',
  },
  prompts: {
    method: 'prompts/list',
    resultKey: 'prompts',
    idKey: 'name',
    capability: 'prompts',
    changed: 'notifications/prompts/list_changed',
  },
  resources: {
    method: 'resources/list',
    resultKey: 'resources',
    idKey: 'uri',
    capability: 'resources',
    changed: 'notifications/resources/list_changed',
  },
  resourceTemplates: {
    method: 'resources/templates/list',
    resultKey: 'resourceTemplates',
    idKey: 'uriTemplate',
    capability: 'resources',
    changed: 'notifications/resources/list_changed',
  },
};

/** The list a method asks for, if it asks for one. */
export const LIST_BY_METHOD: ReadonlyMap<string, ListKind> = new Map(
  LIST_KINDS.map((kind) => [LIST_SHAPES[kind].method, kind]),
);
