import type { ErrorTable } from './error-facts.ts';

/** What ends a command with exit code 2 and one line: place, what is wrong, what to do. */
export const CONFIG_ERRORS: ErrorTable = {
  CONFIG_NOT_FOUND: {
    meaning: 'There is no configuration where one was named or looked for.',
    causes: ['a wrong --config or MCP_CONFIG', 'the command was started in another folder'],
    remedy: 'name the file with --config, or write cortex-mcp.json into the current folder',
  },
  CONFIG_UNREADABLE: {
    meaning: 'A file of the configuration is there and cannot be read.',
    causes: ['permissions', 'a folder or device in its place'],
    remedy: 'make it readable for the user of the service',
  },
  CONFIG_TOO_LARGE: {
    meaning: 'A file of the configuration is larger than its bound, or names too many connectors.',
    causes: ['another file than the one meant'],
    remedy: 'check the path; split the file',
  },
  CONFIG_BAD_JSON: {
    meaning: 'The file is no JSON; comments and trailing commas are allowed.',
    causes: ['a missing comma, quote or bracket', 'an empty file'],
    remedy: 'correct the line and column that the message names',
  },
  CONFIG_DUPLICATE_KEY: {
    meaning: 'A key or connector is given twice in one object.',
    causes: ['an entry was copied'],
    remedy: 'remove or rename one of the two that the message names',
  },
  CONFIG_BAD_TYPE: {
    meaning: 'A value is of another type than it has to be.',
    causes: ['a number in quotes', 'a text in place of a list'],
    remedy: 'write it as the message and docs/configuration.md say',
  },
  CONFIG_BAD_VALUE: {
    meaning: 'A value of the file, a flag or a variable is outside of what it may be.',
    causes: [
      'a number out of bounds',
      'a word that is not one of the known',
      'a key that is too short',
    ],
    remedy: 'choose a value that the message names',
  },
  CONFIG_BAD_URL: {
    meaning: 'An address is no URL, or not one that may be used there.',
    causes: ['http:// is missing', 'a scheme other than http and https'],
    remedy: 'write the whole address, with https:// or http://',
  },
  CONFIG_CONFLICT: {
    meaning: 'Two values exclude each other.',
    causes: ['a connector with command and url', 'a map with url and file'],
    remedy: 'keep one of the two that the message names',
  },
  SECRET_UNRESOLVED: {
    meaning: 'A reference to a variable or secret file has no value now.',
    causes: ['the variable is not set for the service', 'the file is missing or not readable'],
    remedy: 'set the variable where the service is started, or put the file there',
  },
  CACHE_FETCH_TIMEOUT: {
    meaning: 'A connector was not synced within all the time it may take; it is tried again.',
    causes: ['a server that answers each page, but slowly'],
    remedy: 'look at the server; raise timeouts.listTimeoutMs',
  },
  CACHE_DROPPED: {
    meaning: 'What was being fetched is not wanted any more.',
    causes: ['the connector was removed or replaced meanwhile'],
    remedy: 'nothing',
  },
  CACHE_OVER: {
    meaning: 'What was fetched is past its signed end and does not replace what is held.',
    causes: ['a map with notAfter in the past', 'a clock is wrong'],
    remedy: 'as MAP_EXPIRED',
  },
  CACHE_CLOSED: {
    meaning: 'The cache of a program that uses the library is closed.',
    causes: ['it was used after close()'],
    remedy: 'make another one',
  },
  CACHE_ENTRY_TOO_LARGE: {
    meaning:
      'A manifest is too large for a file (16 MiB); it is served and not kept over a restart.',
    causes: ['a server with very many or very large tools'],
    remedy: 'nothing, or have the server offer less',
  },
};
