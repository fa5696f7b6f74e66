import type { ErrorTable } from './error-facts.ts';

/** JSON-RPC codes that the gateway gives itself; those of servers are passed on. */
export const RPC_ERRORS: ErrorTable = {
  '-32700': {
    meaning: 'The body is not JSON.',
    causes: ['a client that sends something else, or cuts it'],
    remedy: 'send one JSON-RPC message in UTF-8',
  },
  '-32600': {
    meaning: 'The body is JSON and no message that is taken.',
    causes: [
      'a key given twice, or nested more than 64 levels deep',
      'a batch outside 2025-03-26',
      'an id that is in use, or a session that is not known (404: open a new one)',
    ],
    remedy: 'read the message; a client that gets 404 starts with initialize again',
  },
  '-32601': {
    meaning: 'The endpoint has no such method.',
    causes: ['a method of another revision or extension'],
    remedy: 'use /mcp/{connector}, which passes methods of extensions on to modern servers',
  },
  '-32602': {
    meaning: 'A parameter is wrong, or names something that nobody offers.',
    causes: [
      'a tool that was renamed, or that this key may not see',
      'a cursor, or requestState, that expired',
    ],
    remedy: 'ask for the list again; cortex-mcp tools shows every name',
  },
  '-32002': {
    meaning: 'Nobody offers this resource (to legacy clients).',
    causes: ['a URI that changed'],
    remedy: 'ask for the list of resources again',
  },
  '-32010': {
    meaning:
      'The connector cannot be used, or did not answer; data.code says which of the codes of connectors it is.',
    causes: ['see data.code, data.connector and data.phase'],
    remedy: 'look up data.code below',
  },
  '-32020': {
    meaning: 'A header is missing or differs from the body, Mcp-Param-* included.',
    causes: ['a proxy that changes headers', 'a client with an old list of tools'],
    remedy: 'send the headers that the body asks for; ask for the tools again',
  },
  '-32021': {
    meaning: 'The server needs a capability that the client has not declared.',
    causes: ['a tool that asks its user, or samples'],
    remedy: 'use a client that supports what the message names',
  },
  '-32022': {
    meaning: 'The revision of the request is not known here.',
    causes: ['a client that is newer than this gateway'],
    remedy: 'use one of the revisions in data.supported',
  },
  '-32603': {
    meaning: 'A bug of ours, or a bound: data.code says which.',
    causes: [
      'too many calls or subscriptions',
      'input that a server wanted and the client did not give',
      'a code of cortex-mcp stdio in data.code',
    ],
    remedy: 'look up data.code; without one read the log of the service',
  },
};

/** How `cortex-mcp` ends. */
export const EXIT_CODES: ErrorTable = {
  '0': {
    meaning: 'Done. serve and stdio that were ended by one signal count as done.',
    causes: ['—'],
    remedy: 'nothing',
  },
  '1': {
    meaning:
      'Something failed: a connector, tool, call, map, gate or check of doctor; rollout check: hold.',
    causes: [
      'what stderr says',
      'serve: it did not close in time, or a fault of the program',
      'this Node is too old',
    ],
    remedy: 'read stderr; --json has the codes',
  },
  '2': {
    meaning:
      'The command line or configuration is wrong, or the port is in use; rollout check: roll back.',
    causes: ['what stderr says, with file, line and column'],
    remedy: 'correct it and run the command again; a supervisor should not',
  },
  '129': { meaning: 'Ended by SIGHUP.', causes: ['the terminal was closed'], remedy: 'nothing' },
  '130': { meaning: 'Ended by SIGINT.', causes: ['Ctrl-C'], remedy: 'nothing' },
  '143': { meaning: 'Ended by SIGTERM.', causes: ['kill, or a supervisor'], remedy: 'nothing' },
};
