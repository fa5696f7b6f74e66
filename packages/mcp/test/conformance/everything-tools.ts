/** How a tool of the official everything server is called, and what its answer must hold. */
export interface ToolVisit {
  readonly args: Readonly<Record<string, unknown>>;
  readonly says: string;
}

const HELLO = 'data:text/plain,hello';

/** Every tool it shows to a client that can be asked; those with a switch are called twice, on and off. */
export const EVERYTHING_TOOLS: Readonly<Record<string, ToolVisit>> = {
  echo: { args: { message: 'hello' }, says: 'Echo: hello' },
  'get-annotated-message': {
    args: { messageType: 'error', includeImage: true },
    says: '"priority":1',
  },
  'get-env': { args: {}, says: 'PATH' },
  'get-resource-links': { args: { count: 2 }, says: 'resource_link' },
  'get-resource-reference': {
    args: { resourceType: 'Text', resourceId: 1 },
    says: 'demo://resource/dynamic/text/1',
  },
  'get-roots-list': { args: {}, says: 'oots' },
  'get-structured-content': { args: { location: 'Chicago' }, says: '"structuredContent"' },
  'get-sum': { args: { a: 2, b: 3 }, says: '5' },
  'get-tiny-image': { args: {}, says: 'image/png' },
  'gzip-file-as-resource': {
    args: { name: 'tour.gz', data: HELLO, outputType: 'resource' },
    says: 'application/gzip',
  },
  // Only as a task of revision 2025-11-25, which the gateway does not relay.
  'simulate-research-query': { args: { topic: 'nothing' }, says: 'task' },
  'toggle-simulated-logging': { args: {}, says: 'logging' },
  'toggle-subscriber-updates': { args: {}, says: 'updates' },
  'trigger-elicitation-request': { args: {}, says: 'Zoë' },
  'trigger-long-running-operation': { args: { duration: 0.1, steps: 2 }, says: 'completed' },
  'trigger-sampling-request': { args: { prompt: 'two plus two' }, says: 'four' },
  'trigger-url-elicitation': { args: { url: 'https://example.com/' }, says: 'accept' },
};
