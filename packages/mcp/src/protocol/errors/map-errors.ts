import type { ErrorTable } from './error-facts.ts';

/** Why a service map was not taken: `map.lastError.code` of `/status`, `cortex-mcp map verify`. The one in force stays. */
export const MAP_ERRORS: ErrorTable = {
  MAP_BAD_URL: {
    meaning: 'The address of the map cannot be used.',
    causes: [
      'not http or https',
      'credentials in it',
      'http, or a private address, that is not allowed',
    ],
    remedy: 'correct serviceMap.url, or name its host in allowHosts',
  },
  MAP_UNREACHABLE: {
    meaning: 'The producer of the map, or its file, could not be reached.',
    causes: ['it is not running', 'its name is not resolved', 'the file is not there'],
    remedy: 'check the address from this machine: curl -v <url>; it is tried again by itself',
  },
  MAP_HTTP_STATUS: {
    meaning: 'The producer answered with another status than 200.',
    causes: [
      '401 or 403: the token is missing or wrong',
      '404: the path is wrong',
      '5xx: it fails',
    ],
    remedy: 'for 401 set ASBR_API_KEY; else check serviceMap.url and the producer',
  },
  MAP_REDIRECT: {
    meaning: 'The producer answered with a redirect, which is not followed.',
    causes: ['an address that has moved', 'http where https is wanted'],
    remedy: 'put the final address into serviceMap.url',
  },
  MAP_TIMEOUT: {
    meaning: 'The map did not arrive within timeoutMs, body included.',
    causes: ['a slow producer or network'],
    remedy: 'raise serviceMap.timeoutMs, or look at the producer',
  },
  MAP_CANCELLED: {
    meaning: 'The fetch was given up because the service stops or the settings changed.',
    causes: ['a stop, reload or edit while it was under way'],
    remedy: 'nothing',
  },
  MAP_TOO_LARGE: {
    meaning: 'The map is larger than maxBytes, decompressed.',
    causes: ['a map of very many connectors', 'the wrong address'],
    remedy: 'raise serviceMap.maxBytes if the map is meant to be so large',
  },
  MAP_ENCODING: {
    meaning: 'The body is encoded in a way that is not known, or broken.',
    causes: ['a proxy that compresses wrongly', 'text that is not UTF-8'],
    remedy: 'have the producer send plain or gzip, in UTF-8',
  },
  MAP_BAD_JSON: {
    meaning: 'The body is no JSON, or has a key twice.',
    causes: ['an error page in place of a map', 'a file edited by hand'],
    remedy: 'cortex-mcp map verify <file> names the place',
  },
  MAP_UNSIGNED: {
    meaning: 'The map has no signature, or there is no key to check it with.',
    causes: [
      'a map from a URL without signature',
      'no publicKeyFiles and no CONNECTORS_SIGNATURE_KEY',
    ],
    remedy: 'sign it with cortex-mcp map sign, and name the key in serviceMap.publicKeyFiles',
  },
  MAP_BAD_SIGNATURE: {
    meaning: 'No key that is configured verifies the map.',
    causes: [
      'another key signed it',
      'the map was changed afterwards',
      'a key was rotated and the old one left out',
    ],
    remedy:
      'compare the keys of both sides; keep the old one in CONNECTORS_SIGNATURE_KEY_PREVIOUS while rotating',
  },
  MAP_SCHEMA: {
    meaning: 'The signature holds, but the content is no service map.',
    causes: ['a member is missing or of the wrong type'],
    remedy: 'check it against packages/mcp/schema/service-map.schema.json',
  },
  MAP_BRAND: {
    meaning: 'The map has another brand than brAInwav.',
    causes: ['a document of another product'],
    remedy: 'point serviceMap.url at a service map',
  },
  MAP_DUPLICATE_ID: {
    meaning: 'Two connectors of the map have one id.',
    causes: ['an entry was copied'],
    remedy: 'give each connector of the map an id of its own, and sign it again',
  },
  MAP_FUTURE: {
    meaning: 'generatedAt lies more than 5 min ahead of this clock.',
    causes: ['a clock is wrong, here or at the producer'],
    remedy: 'set both clocks (NTP)',
  },
  MAP_EXPIRED: {
    meaning: 'The map is past its TTL and everything that is allowed after it.',
    causes: ['the producer sends an old copy', 'a clock is wrong'],
    remedy: 'have the producer make a new one; check both clocks',
  },
  MAP_NEVER_FRESH: {
    meaning:
      'The map could not be used at any time: its end lies before its beginning, or its TTL is too short.',
    causes: ['notAfter before generatedAt', 'a TTL that is not positive'],
    remedy: 'correct ttlSeconds or notAfter, and sign it again',
  },
  MAP_REPLAYED: {
    meaning: 'The map is older than one that was accepted before.',
    causes: ['several producers that disagree', 'a cache in between', 'an attack'],
    remedy:
      'have one producer; if going back is meant, remove map-floor.json from the state folder',
  },
  MAP_UNREADABLE: {
    meaning:
      'The map that is to be served to others cannot be read; /v1/connectors/service-map answers 503.',
    causes: ['the file of serviceMap.publish is missing, too large or no JSON object'],
    remedy: 'correct the file, or serviceMap.publish',
  },
  MAP_FAILED: {
    meaning:
      'The map could not be taken for a reason without a code of its own; the message says which.',
    causes: ['a file error', 'a bug of ours'],
    remedy: 'read the message; report it if it does not help',
  },
  unsigned: {
    meaning: 'A warning: the map of this machine was taken without a signature.',
    causes: ['a file without signature, and no key that would ask for one'],
    remedy: 'nothing, or sign it with cortex-mcp map sign and configure the key',
  },
  'signature-unchecked': {
    meaning: 'A warning: the map has a signature, and there is no key to check it with.',
    causes: ['serviceMap.publicKeyFiles is empty'],
    remedy: 'name the key in serviceMap.publicKeyFiles',
  },
  'legacy-shape': {
    meaning: 'A warning: the map is written in the older form, which is understood.',
    causes: ['a producer of the earlier build: name, status and ttl'],
    remedy: 'nothing, or write displayName, enabled and ttlSeconds',
  },
  equivocation: {
    meaning: 'A warning: another map with the same date was accepted before.',
    causes: ['two producers with one key', 'a producer that does not date a change'],
    remedy: 'have one producer, and a new generatedAt for each change',
  },
  'not-remembered': {
    meaning:
      'A warning: the date of the map could not be kept, so that an older one could be taken after a restart.',
    causes: ['the state folder cannot be written'],
    remedy: 'make the state folder writable, or free space',
  },
  SIGNATURE_KEY_INVALID: {
    meaning: 'A key for signing or verifying cannot be used.',
    causes: [
      'not PEM, or not Ed25519',
      'a private key where a public one is wanted',
      'an empty secret',
    ],
    remedy: 'make a pair with cortex-mcp map keygen --ed25519 <file>',
  },
  CANONICAL_LONE_SURROGATE: {
    meaning: 'A text of the map is broken Unicode, which no two programs sign alike.',
    causes: ['a text that was cut in the middle of a character'],
    remedy: 'correct the text at the place that the message names',
  },
  CANONICAL_NUMBER: {
    meaning: 'A number of the map cannot be signed (NaN, Infinity).',
    causes: ['a computed number'],
    remedy: 'correct the number at the place that the message names',
  },
  CANONICAL_TYPE: {
    meaning: 'A value of the map is no JSON.',
    causes: ['a program that signs something else than parsed JSON'],
    remedy: 'sign plain JSON only',
  },
  CANONICAL_TOO_DEEP: {
    meaning: 'The map is nested more than 64 levels deep.',
    causes: ['data that does not belong into a map'],
    remedy: 'flatten it',
  },
  COMMAND_NOT_ALLOWED: {
    meaning: 'An entry from elsewhere wants to run a command.',
    causes: ['a map from a URL with a stdio connector'],
    remedy: 'if you trust it, name the whole command line in serviceMap.allowCommands',
  },
  CWD_NOT_ALLOWED: {
    meaning: 'An entry from elsewhere names the folder that its command runs in.',
    causes: ['a map from a URL with cwd: the command that was allowed would be another there'],
    remedy: 'have cwd removed from the entry; allow a command line with whole paths instead',
  },
  ENVIRONMENT_NOT_ALLOWED: {
    meaning:
      'An entry from elsewhere sets a variable that steers a process, such as NODE_OPTIONS or PIP_INDEX_URL.',
    causes: ['the entry'],
    remedy: 'have it removed from the entry; it cannot be allowed',
  },
  ENDPOINT_UNRESOLVED: {
    meaning: 'The endpoint of an entry from elsewhere holds a placeholder.',
    causes: ['a template that was not filled in'],
    remedy: 'have the producer write the whole address',
  },
  ENDPOINT_CREDENTIALS: {
    meaning: 'The endpoint of an entry from elsewhere holds a user name or password.',
    causes: ['the entry'],
    remedy: 'have the producer use auth.credential with a reference',
  },
  ENDPOINT_NOT_HTTPS: {
    meaning: 'The endpoint of an entry from elsewhere is not https.',
    causes: ['a server of an internal network'],
    remedy: 'use https, or name the host in serviceMap.allowHosts',
  },
  ENDPOINT_PRIVATE: {
    meaning: 'The endpoint of an entry from elsewhere is, or resolves to, a private address.',
    causes: ['a server of an internal network', 'an attempt to reach services of this machine'],
    remedy: 'name the host in serviceMap.allowHosts if it is meant',
  },
  HEADER_NOT_ALLOWED: {
    meaning: 'An entry from elsewhere sets a header that frames a message or belongs to MCP.',
    causes: ['the entry'],
    remedy: 'have the header removed from the entry',
  },
  REFERENCE_NOT_ALLOWED: {
    meaning: 'An entry from elsewhere refers to a file, or to a variable that is not allowed.',
    causes: ['the entry'],
    remedy: 'name the variable in serviceMap.allowVariables; files cannot be allowed',
  },
};
