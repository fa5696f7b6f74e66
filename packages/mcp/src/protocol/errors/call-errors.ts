import type { ErrorTable } from './error-facts.ts';

/** Calls that the gateway, or the bridge of a desktop client, refuses or loses: `data.code`. */
export const CALL_ERRORS: ErrorTable = {
  TOO_MANY_CALLS: {
    meaning: 'More calls are under way than the gateway, or one client, may have.',
    causes: ['a client that does not wait for its calls', 'many calls that hang'],
    remedy: 'wait retryAfterMs; raise maxCalls or maxCallsPerPrincipal if this many are meant',
  },
  TOOL_QUARANTINED: {
    meaning: 'The definition of the tool is not the approved one, and pins are in quarantine mode.',
    causes: ['the server was updated', 'the server is not, or no longer, what you approved'],
    remedy: 'cortex-mcp pins diff <connector>, then cortex-mcp pins approve <connector>',
  },
  AUDIT_UNAVAILABLE: {
    meaning: 'Calls cannot be recorded, and audit.required says that none is made without.',
    causes: ['the disk is full', 'audit.jsonl cannot be written'],
    remedy: 'free space or mend the file that the log names; or switch audit.required off',
  },
  RATE_LIMITED: {
    meaning: 'A client sends more requests than its key or address may.',
    causes: ['a client that polls', 'a limit that is too low'],
    remedy: 'wait as Retry-After says; raise auth.limits or --rate of the key',
  },
  UNREACHABLE: {
    meaning: 'A command, or cortex-mcp stdio, could not reach the service.',
    causes: [
      'no service of this configuration, or at --url, is running',
      'it was stopped or restarted just now',
      'it wants a key: MCP_API_KEY',
    ],
    remedy: 'start the service with cortex-mcp serve, or correct --url',
  },
  UNAVAILABLE: {
    meaning: 'cortex-mcp stdio found no service and could not start one.',
    causes: [
      'the configuration is wrong: stderr of the client has the line',
      'another program holds the port',
    ],
    remedy: 'run cortex-mcp serve with the same --config in a terminal and mend what it says',
  },
  TOO_MANY_REQUESTS: {
    meaning: 'The client of cortex-mcp stdio has more than 1,000 requests under way.',
    causes: ['a client that does not wait for answers'],
    remedy: 'have the client wait for answers',
  },
  PAGE_MISSING: {
    meaning: 'The status page is not there; everything else is served.',
    causes: ['a checkout in which it was not built'],
    remedy: 'npm run build; or switch it off with page: false',
  },
  MALFORMED_MESSAGE: {
    meaning:
      'A server sent a message that is no JSON-RPC; it is ignored, or fails its request as BAD_RESPONSE.',
    causes: ['a bug of the server'],
    remedy: 'report it to the makers of the server',
  },
  JSON_TOO_MANY_MEMBERS: {
    meaning: 'An object of a request has more than 1,000 members; answered with -32600.',
    causes: ['a client that puts data into the envelope, params or _meta'],
    remedy: 'put data into arguments, which are not bounded so',
  },
  JSON_TOO_DEEP: {
    meaning: 'A message is nested more than 64 levels deep; answered with -32600.',
    causes: ['a client that wraps data again and again', 'an attack'],
    remedy: 'send flatter data, or text',
  },
};
