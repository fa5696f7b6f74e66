import type { ErrorTable } from './error-facts.ts';

/** What can go wrong between the gateway and one connector: `failure.code` of `/status`, `data.code` of calls. */
export const CONNECTOR_ERRORS: ErrorTable = {
  CONFIG_INVALID: {
    meaning: 'The entry of the connector cannot be used; the others run.',
    causes: [
      'a ${VARIABLE} or input without a value',
      'a transport that is not supported',
      'a map or registry entry that asks for what entries from elsewhere may not have',
      'a secret file that cannot be read, a header or address that cannot be sent',
    ],
    remedy:
      'correct what the message names; cortex-mcp config show prints each value and its origin',
  },
  SPAWN_FAILED: {
    meaning: 'The program of a stdio connector could not be started.',
    causes: [
      'the command is not installed, or not on the PATH of the service',
      'cwd does not exist',
      'the file is not executable',
    ],
    remedy:
      'run the command by hand as the user of the service, then put its full path into command',
  },
  PROCESS_EXITED: {
    meaning: 'The process of a stdio connector ended by itself.',
    causes: [
      'it crashed: the message ends with its last words',
      'a variable or argument that it needs is missing',
      'it was killed, for instance for want of memory',
    ],
    remedy:
      'read its last words in the message, all of stderr with MCP_LOG_LEVEL=debug, and correct env or args',
  },
  CONNECT_FAILED: {
    meaning: 'No connection to the server could be opened; nothing was sent.',
    causes: [
      'the server is not running, or listens elsewhere',
      'the host name cannot be resolved',
      'its certificate is not trusted here',
    ],
    remedy: 'check that the server runs and the url is right, from this machine: curl -v <url>',
  },
  CONNECT_TIMEOUT: {
    meaning: 'The server did not accept the connection within connectTimeoutMs; nothing was sent.',
    causes: ['a firewall drops packets', 'the server is overloaded', 'a proxy or route is missing'],
    remedy: 'check network and firewall; raise timeouts.connectTimeoutMs if the server is far away',
  },
  TIMEOUT: {
    meaning: 'The server took the request and did not answer in time.',
    causes: [
      'a tool works longer than idleTimeoutMs without reporting progress',
      'the server hangs',
      'a handshake or list takes longer than handshakeTimeoutMs or listTimeoutMs',
      'the service behind cortex-mcp stdio --url is silent',
    ],
    remedy:
      'raise timeouts.idleTimeoutMs (a silent tool) or the timeout of the phase; else look at the server',
  },
  UNAUTHORIZED: {
    meaning: 'Credentials are missing, wrong or not enough: 401 or 403.',
    causes: [
      'a key or token in headers or auth is wrong, expired or of another account',
      'the server wants OAuth and auth of the entry does not say so',
      'the registry API: the key of a writer is missing or wrong',
    ],
    remedy:
      'correct the credentials of the entry; for OAuth set "auth": {"type": "oauth"}, and cortex-mcp auth login',
  },
  AUTH_REQUIRED: {
    meaning: 'A person has to log in at the server, or the credentials must be corrected.',
    causes: [
      'nobody has logged in yet',
      'the login was revoked or expired',
      'the server wants more scopes',
    ],
    remedy: 'cortex-mcp auth login <connector>',
  },
  AUTH_UNAVAILABLE: {
    meaning: 'No token could be had now; nothing was executed.',
    causes: ['the authorization server is away or slow', 'it answered with an error of its own'],
    remedy: 'wait: it is tried again by itself; check that the authorization server can be reached',
  },
  HTTP_STATUS: {
    meaning: 'The server answered with an HTTP status that is no answer of MCP.',
    causes: [
      'the url does not lead to an MCP endpoint (404, 405)',
      'the server or a proxy before it fails (500, 502, 503, 504)',
      'too many requests (429)',
    ],
    remedy: 'check the path of the url (often /mcp or /sse) and the log of the server',
  },
  SESSION_LOST: {
    meaning: 'The server does not know the session any more, more than once in a row.',
    causes: ['it was restarted', 'a balancer sends requests of one session to several servers'],
    remedy:
      'nothing for a restart; behind a balancer make sessions sticky, or list the servers as replicas',
  },
  STREAM_CUT: {
    meaning:
      'The connection broke before the answer was complete; the call may have been executed.',
    causes: [
      'the server or a proxy closed the connection',
      'a proxy limits the time of a response',
    ],
    remedy:
      'try again if repeating is safe; set trusted for tools that only read; raise the time limit of the proxy',
  },
  TOO_LARGE: {
    meaning: 'What the server sent is larger than a bound.',
    causes: [
      'a result over 10 MiB',
      'more than 1,000 tools or 100 pages',
      'response headers that are too large',
    ],
    remedy: 'have the tool return less, or a link to a resource; docs/operations.md has the bounds',
  },
  BAD_RESPONSE: {
    meaning: 'The answer of the server is not what MCP asks for.',
    causes: [
      'the address is a web page or another API',
      'the server prints other things than messages to stdout',
      'the server has a bug',
    ],
    remedy:
      'check that it is an MCP server; pin era to modern or legacy if it answers the wrong one',
  },
  RPC_ERROR: {
    meaning: 'The server refused a request of the gateway with a JSON-RPC error.',
    causes: ['it does not allow initialize, a list or a subscription', 'it wants other parameters'],
    remedy: 'read the message, it is the server’s own; look at its log',
  },
  QUOTA_EXCEEDED: {
    meaning: 'A quota of the connector is used up; nothing was sent.',
    causes: ['more calls than quotas of its entry or map allows'],
    remedy: 'wait retryAfterMs, or raise quotas of the entry',
  },
  BREAKER_OPEN: {
    meaning:
      'Too many calls to the connector failed, so none is sent for a while; its lists are still served.',
    causes: ['the failures before it, which are in the log', 'a server that is down or overloaded'],
    remedy:
      'look at the failures before it and mend the server; it is asked again after retryAfterMs',
  },
  BULKHEAD_FULL: {
    meaning: 'All places of the connector are taken and the wait was too long; nothing was sent.',
    causes: ['the server is slow', 'more clients than maxInFlight at a time'],
    remedy: 'raise maxInFlight of its bulkhead if the server is well; else find out why it is slow',
  },
  CANCELLED: {
    meaning: 'The call was given up before its answer.',
    causes: ['the client cancelled or hung up'],
    remedy: 'nothing; if the client did not mean to, raise its own time limit',
  },
  CLOSED: {
    meaning: 'The connection was ended by the gateway.',
    causes: [
      'the service stops or reloads',
      'the connector was removed or changed and its calls did not end within 10 s',
    ],
    remedy: 'call again; raise drainMaxMs if calls are cut when the service stops',
  },
  DISABLED: {
    meaning: 'The connector is switched off.',
    causes: ['enabled: false or disabled: true in its entry', 'cortex-mcp connectors disable'],
    remedy: 'take disabled out of its entry, or cortex-mcp connectors enable <id>',
  },
  PENDING: {
    meaning: 'The first connection is under way and has not succeeded or failed yet.',
    causes: [
      'the server starts slowly, for instance because npx downloads it',
      'it does not answer',
    ],
    remedy: 'wait for handshakeTimeoutMs (30 s); then the failure says more',
  },
  INTERNAL: {
    meaning: 'A bug of ours; nothing you configured.',
    causes: ['a case that was not thought of'],
    remedy: 'report it with the log at MCP_LOG_LEVEL=debug, which has the stack',
  },
};
