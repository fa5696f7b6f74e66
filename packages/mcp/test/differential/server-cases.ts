import type { RawRequest } from './raw-peer.ts';

/** One request for a server, and how far its two answers are to be the same. */
export interface ServerCase {
  readonly label: string;
  readonly request: RawRequest;
  /** `refusal`: the gateway refuses it itself, in its own words and with its revision's code. */
  readonly compare?: 'refusal';
}

const members = (value: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(value).slice(1, -1);

export function toolCase(
  name: string,
  args: Readonly<Record<string, unknown>> | undefined,
  more: Partial<RawRequest> = {},
): ServerCase {
  const params = members({ name, ...(args === undefined ? {} : { arguments: args }) });
  return {
    label: `${name} ${JSON.stringify(args ?? null).slice(0, 60)}`,
    request: { method: 'tools/call', params, name, ...more },
  };
}

export function promptCase(name: string, args?: Readonly<Record<string, string>>): ServerCase {
  const params = members({ name, ...(args === undefined ? {} : { arguments: args }) });
  return {
    label: `prompt ${name} ${JSON.stringify(args ?? null)}`,
    request: { method: 'prompts/get', params, name },
  };
}

export function readCase(uri: string): ServerCase {
  return {
    label: `read ${uri}`,
    request: { method: 'resources/read', params: members({ uri }), name: uri },
  };
}

export function completionCase(ref: Readonly<Record<string, string>>, value: string): ServerCase {
  const { argument = '', ...reference } = ref;
  const params = members({ ref: reference, argument: { name: argument, value } });
  return {
    label: `complete ${JSON.stringify(ref)}`,
    request: { method: 'completion/complete', params },
  };
}

const ODD = {
  text: 'naïve 日本 🙂 \u2028 e\u0301 \u0000 \\ "',
  deep: JSON.parse(`${'['.repeat(40)}1${']'.repeat(40)}`) as unknown,
  '': { ' ': null },
};

/** What no server has. Servers refuse it in many ways: with either of two codes, or with a result that is an error. */
export const UNKNOWN_CASES: readonly ServerCase[] = [
  { ...toolCase('no such tool', {}), compare: 'refusal' },
  { ...promptCase('no such prompt'), compare: 'refusal' },
  { ...readCase('test://no/such/resource'), compare: 'refusal' },
  { label: 'an unknown method', request: { method: 'no/such' }, compare: 'refusal' },
];

const wantsProgress = { meta: '"progressToken":"differential 1"' };

export const EVERYTHING_CASES: readonly ServerCase[] = [
  toolCase('echo', { message: 'hello' }),
  toolCase('echo', { message: ODD.text }),
  toolCase('echo', { message: 'x'.repeat(300_000) }),
  toolCase('echo', { message: 'with more', unknown: ODD }),
  toolCase('echo', {}),
  toolCase('echo', undefined),
  toolCase('echo', { message: 5 }),
  toolCase('get-annotated-message', { messageType: 'error', includeImage: true }),
  toolCase('get-annotated-message', { messageType: 'debug' }),
  toolCase('get-resource-links', { count: 10 }),
  toolCase('get-resource-links', {}),
  toolCase('get-resource-reference', { resourceType: 'Text', resourceId: 3 }),
  toolCase('get-structured-content', { location: 'Chicago' }),
  toolCase('get-sum', { a: 0.1, b: 0.2 }),
  toolCase('get-sum', { a: 1e21, b: -1e-7 }),
  toolCase('get-tiny-image', {}),
  toolCase('trigger-long-running-operation', { duration: 0.1, steps: 4 }, wantsProgress),
  toolCase('trigger-long-running-operation', { duration: 0.05, steps: 1 }),
  toolCase('simulate-research-query', { topic: 'nothing' }),
  promptCase('simple-prompt'),
  promptCase('args-prompt', { city: 'Zürich' }),
  promptCase('args-prompt', { city: 'Paris', state: 'Texas' }),
  promptCase('args-prompt'),
  promptCase('resource-prompt', { resourceType: 'Text', resourceId: '1' }),
  readCase('demo://resource/static/document/architecture.md'),
  readCase('demo://resource/static/document/features.md'),
  completionCase({ type: 'ref/prompt', name: 'completable-prompt', argument: 'department' }, 'S'),
  completionCase(
    {
      type: 'ref/resource',
      uri: 'demo://resource/dynamic/text/{resourceId}',
      argument: 'resourceId',
    },
    '1',
  ),
];

/** The server must have this folder, and a file `note.txt` in it. */
export function filesystemCases(folder: string): readonly ServerCase[] {
  const note = `${folder}/note.txt`;
  return [
    toolCase('read_text_file', { path: note }),
    toolCase('read_text_file', { path: note, head: 1 }),
    toolCase('read_text_file', { path: `${folder}/missing` }),
    toolCase('read_text_file', { path: '/etc/passwd' }),
    toolCase('read_text_file', {}),
    toolCase('read_media_file', { path: `${folder}/pixel.png` }),
    toolCase('read_multiple_files', { paths: [note, `${folder}/missing`] }),
    toolCase('write_file', { path: `${folder}/out.txt`, content: ODD.text }),
    toolCase('read_file', { path: `${folder}/out.txt` }),
    toolCase('edit_file', {
      path: note,
      edits: [{ oldText: 'note', newText: 'remark' }],
      dryRun: true,
    }),
    toolCase('create_directory', { path: `${folder}/sub/deeper` }),
    toolCase('list_directory', { path: folder }),
    toolCase('list_directory_with_sizes', { path: folder, sortBy: 'size' }),
    toolCase('directory_tree', { path: folder }),
    toolCase('search_files', { path: folder, pattern: '**/*.txt' }),
    toolCase('get_file_info', { path: note }),
    toolCase('list_allowed_directories', {}),
    toolCase('move_file', { source: `${folder}/nowhere`, destination: `${folder}/elsewhere` }),
  ];
}

export const MEMORY_CASES: readonly ServerCase[] = [
  toolCase('create_entities', {
    entities: [
      { name: 'Zoë', entityType: 'person', observations: [ODD.text, 'likes MCP'] },
      { name: 'Ann', entityType: 'person', observations: [] },
    ],
  }),
  toolCase('create_relations', { relations: [{ from: 'Zoë', to: 'Ann', relationType: 'knows' }] }),
  toolCase('add_observations', { observations: [{ entityName: 'Ann', contents: ['is here'] }] }),
  toolCase('add_observations', { observations: [{ entityName: 'nobody', contents: ['x'] }] }),
  toolCase('read_graph', {}),
  toolCase('read_graph', undefined),
  toolCase('search_nodes', { query: 'mcp' }),
  toolCase('open_nodes', { names: ['Ann', 'nobody'] }),
  readCase('memory://knowledge-graph'),
  toolCase('delete_observations', {
    deletions: [{ entityName: 'Ann', observations: ['is here'] }],
  }),
  toolCase('delete_relations', { relations: [{ from: 'Zoë', to: 'Ann', relationType: 'knows' }] }),
  toolCase('delete_entities', { entityNames: ['Zoë'] }),
  toolCase('read_graph', {}),
];

const HEADERS = { 'mcp-param-region': 'eu', 'mcp-param-count': '7' };

export const FIXTURE_CASES: readonly ServerCase[] = [
  toolCase('test_simple_text', undefined),
  toolCase('test_image_content', {}),
  toolCase('test_audio_content', {}),
  toolCase('test_embedded_resource', {}),
  toolCase('test_multiple_content_types', {}),
  toolCase('test_error_handling', {}),
  toolCase('test_tool_with_progress', {}, wantsProgress),
  toolCase('test_tool_with_progress', {}),
  toolCase('json_schema_2020_12_tool', { contactMethod: 'phone', phone: '1' }),
  toolCase('json_schema_2020_12_tool', { contactMethod: 'phone' }),
  toolCase('test_header_parameters', { region: 'eu', count: 7 }, { headers: HEADERS }),
  promptCase('test_simple_prompt'),
  promptCase('test_prompt_with_arguments', { arg1: 'ü', arg2: '🙂' }),
  promptCase('test_prompt_with_arguments', { arg1: 'only' }),
  promptCase('test_prompt_with_embedded_resource', { resourceUri: 'test://example' }),
  promptCase('test_prompt_with_image'),
  readCase('test://static-text'),
  readCase('test://static-binary'),
  readCase('test://template/123/data'),
  completionCase(
    { type: 'ref/prompt', name: 'test_prompt_with_arguments', argument: 'arg1' },
    'pa',
  ),
  completionCase({ type: 'ref/resource', uri: 'test://template/{id}/data', argument: 'id' }, '1'),
];
