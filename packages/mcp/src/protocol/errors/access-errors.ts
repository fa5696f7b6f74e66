import type { ErrorTable } from './error-facts.ts';

/** Keys and tokens of clients, credentials towards servers, pins and the audit log. */
export const ACCESS_ERRORS: ErrorTable = {
  KEYS_DAMAGED: {
    meaning: 'keys.json, or a secret beside it, does not hold what it should.',
    causes: ['it was edited by hand', 'a copy was cut'],
    remedy: 'restore it from a copy; a running service keeps the last good keys',
  },
  KEYS_EXPOSED: {
    meaning: 'Other users of this machine can read a file of keys.',
    causes: ['it was copied without its mode'],
    remedy: 'chmod 600 the file that the message names; rotate the keys if others may have read it',
  },
  KEYS_UNREADABLE: {
    meaning: 'A file of keys is there and cannot be read.',
    causes: ['another owner', 'a file that is too large', 'a device or folder in its place'],
    remedy: 'make it a file of the user of the service, mode 600',
  },
  KEYS_BUSY: {
    meaning: 'Another command is changing the keys.',
    causes: ['two commands at once', 'a lock that a killed command left behind'],
    remedy: 'run the command again',
  },
  KEY_UNKNOWN: {
    meaning: 'There is no such key, or it was revoked.',
    causes: ['a misspelled id'],
    remedy: 'cortex-mcp keys list',
  },
  KEY_INVALID: {
    meaning: 'The key would not be one that can be read again; nothing was changed.',
    causes: ['a title, pattern or rule beyond a bound', 'too many keys'],
    remedy: 'shorten what the message names, or revoke keys that are not used',
  },
  OAUTH_METADATA: {
    meaning: 'The authorization server of clients, or its keys, cannot be used.',
    causes: [
      'auth.oauth.issuer is not written as its tokens name it',
      'its metadata names no jwks_uri or another issuer',
    ],
    remedy: 'correct auth.oauth.issuer, or name the keys in auth.oauth.jwksUrl',
  },
  JWKS_UNAVAILABLE: {
    meaning:
      'The keys of the issuer cannot be had, and none are held; requests with tokens get 503.',
    causes: ['the issuer is away', 'its address is private and not in allowedHosts'],
    remedy: 'check that the issuer can be reached from this machine; it is asked again every 30 s',
  },
  AUTH_URL_REFUSED: {
    meaning: 'An address of an authorization server must not be asked.',
    causes: ['it is not https', 'it is private', 'it lies on an origin that nobody named'],
    remedy: 'name the origin in auth.allowedOrigins of the connector if it is meant',
  },
  AUTH_METADATA_INVALID: {
    meaning:
      'Metadata of an authorization server is missing, contradicts itself or lacks what is needed.',
    causes: [
      'it names another issuer or resource',
      'it does not say that it supports PKCE with S256',
      'it redirects',
    ],
    remedy:
      'set auth.issuer or auth.resource as the message suggests; else ask the makers of the server',
  },
  AUTH_REJECTED: {
    meaning: 'The authorization server said no.',
    causes: [
      'the person did not agree',
      'clientId or clientSecret is wrong',
      'a refresh token was revoked',
    ],
    remedy: 'correct clientId and secret, then cortex-mcp auth login <connector>',
  },
  AUTH_CALLBACK_INVALID: {
    meaning: 'The browser came back with an answer that does not belong to this login.',
    causes: ['an old tab', 'an answer of another issuer', 'an attack'],
    remedy: 'run cortex-mcp auth login <connector> again',
  },
  AUTH_CALLBACK_TIMEOUT: {
    meaning: 'Nobody completed the login within 5 minutes.',
    causes: ['the browser runs on another machine than the command'],
    remedy: 'run it again; from another machine forward the port of auth.redirectPort',
  },
  AUTH_CANCELLED: {
    meaning: 'The login was given up.',
    causes: ['Ctrl-C'],
    remedy: 'run cortex-mcp auth login <connector> again',
  },
  AUTH_STORE_DAMAGED: {
    meaning: 'A kept login cannot be opened.',
    causes: ['it was written with another MCP_SECRETS_KEY', 'it was changed or cut'],
    remedy: 'restore the key it was written with, or cortex-mcp auth login <connector>',
  },
  AUTH_STORE_KEY: {
    meaning: 'The key of the kept logins is missing, too short, or readable by others.',
    causes: ['MCP_SECRETS_KEY has fewer than 32 characters', 'the mode of secrets/credentials.key'],
    remedy: 'openssl rand -base64 32 makes one; chmod 600 its file',
  },
  PINS_DAMAGED: {
    meaning: 'pins.json is no book of pins; it is kept beside as .damaged-…',
    causes: ['it was edited by hand', 'a copy was cut'],
    remedy: 'restore it from a copy, or look at cortex-mcp pins list and approve again',
  },
  PINS_NEWER: {
    meaning: 'A newer version wrote pins.json; it is not touched.',
    causes: ['a step back to an older version'],
    remedy: 'use the version that wrote it, or move the file away and approve again',
  },
  PINS_LOCKED: {
    meaning: 'Another process is changing the pins.',
    causes: ['two commands at once', 'a lock that a killed process left behind'],
    remedy: 'run it again; remove pins.json.lock if nothing runs',
  },
  AUDIT_NOT_A_FILE: {
    meaning: 'The place of the audit log holds something that is no regular file.',
    causes: ['a link or pipe named audit.jsonl'],
    remedy: 'move it away; the log is written there',
  },
};
