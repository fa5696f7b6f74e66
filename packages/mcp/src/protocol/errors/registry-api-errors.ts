import type { ErrorTable } from './error-facts.ts';

/** `code` of answers of `/v0.1/`, beside those of the store. `UNAUTHORIZED` and `INTERNAL` stand with the connectors. */
export const REGISTRY_API_ERRORS: ErrorTable = {
  BAD_CURSOR: {
    meaning: '400: the cursor was not given out by this registry.',
    causes: ['a cursor of another registry, or one that was cut'],
    remedy: 'start again without cursor',
  },
  BAD_PARAMETER: {
    meaning: '400: a parameter of the query cannot be used.',
    causes: ['limit out of bounds', 'updated_since that is no date', 'a parameter twice'],
    remedy: 'correct the parameter that the message names',
  },
  BAD_PATH: {
    meaning: '400: the path has a broken percent escape.',
    causes: ['a name that was not encoded'],
    remedy: 'encode the name of the server, / as %2F',
  },
  BAD_JSON: {
    meaning: '400: the body is no JSON, has a key twice, or is not UTF-8.',
    causes: ['a body made by hand'],
    remedy: 'correct the body',
  },
  BAD_MEDIA_TYPE: {
    meaning: '415: the body is not application/json, or is encoded.',
    causes: ['a missing Content-Type'],
    remedy: 'send Content-Type: application/json, uncompressed',
  },
  BODY_TOO_LARGE: {
    meaning: '413: the body is larger than 256 KiB.',
    causes: ['a server.json with embedded data'],
    remedy: 'make it smaller',
  },
  BUSY: {
    meaning: '503: too many lists are being read.',
    causes: ['many clients that page through everything'],
    remedy: 'try again after Retry-After',
  },
  INVALID_SERVER: {
    meaning:
      '422: the server.json is not valid, or its name and version are not those of the path.',
    causes: ['a member that the schema does not know or wants'],
    remedy: 'correct what the message names',
  },
  INVALID_STATUS: {
    meaning: '422: the status is none of active, deprecated and deleted.',
    causes: ['a misspelled status'],
    remedy: 'send one of the three',
  },
  METHOD_NOT_ALLOWED: {
    meaning: '405: the path does not know this method.',
    causes: ['a write to a path that is only read'],
    remedy: 'use one of the methods that Allow names',
  },
  NO_CHANGE: {
    meaning: '400: everything has that status already.',
    causes: ['a request that was sent twice'],
    remedy: 'nothing',
  },
  NOT_FOUND: {
    meaning: '404: no such server, version or path.',
    causes: ['a misspelled or not encoded name'],
    remedy: 'look it up: /v0.1/servers?search=…',
  },
  PRECONDITION_FAILED: {
    meaning: '412: If-Match or If-None-Match does not hold.',
    causes: ['somebody else changed the version meanwhile'],
    remedy: 'read it again and decide anew',
  },
  READ_ONLY: {
    meaning: '501: this registry takes no writes.',
    causes: ['no key for writers is configured'],
    remedy:
      'set registry.apiKey or MCP_REGISTRY_API_KEY, or make a key with the scope registry:write',
  },
  TOO_MANY_VERSIONS: {
    meaning: '422: the server has 1,000 versions already.',
    causes: ['a build that publishes each commit'],
    remedy: 'publish releases only',
  },
  VERSION_EXISTS: {
    meaning: '409: this version exists; versions do not change.',
    causes: ['a publication that was sent twice'],
    remedy: 'publish under a new version',
  },
  validation_error: {
    meaning: 'A registry tool was called with arguments that it does not take.',
    causes: ['a member of the wrong type', 'a cursor of another list'],
    remedy: 'correct the argument that the message names',
  },
  security_error: {
    meaning: 'A registry tool was asked for something that callers may not do.',
    causes: ['a local entry, or one with a command'],
    remedy: 'use cortex-mcp connectors or cortex-mcp registry on this machine',
  },
  not_found: {
    meaning: 'A registry tool knows no such server.',
    causes: ['a misspelled name'],
    remedy: 'call registry__list',
  },
  duplicate_server: {
    meaning: 'A server of that name is registered already.',
    causes: ['a registration that was sent twice'],
    remedy: 'set overwrite to replace it',
  },
  unavailable: {
    meaning: 'The registry cannot be written or read now; the message has its code.',
    causes: ['a full disk', 'another writer'],
    remedy: 'look up the code in the message',
  },
  internal_error: {
    meaning: 'A registry tool failed; a bug of ours.',
    causes: ['a case that was not thought of'],
    remedy: 'read the log of the service and report it',
  },
};
