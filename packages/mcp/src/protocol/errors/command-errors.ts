import type { ErrorTable } from './error-facts.ts';

/** What ends a command: the first ones are mistakes in its line or input (exit code 2), the others failures (1). */
export const COMMAND_ERRORS: ErrorTable = {
  USAGE: {
    meaning: 'The command line cannot be understood.',
    causes: ['a misspelled command or option', 'a value that the option does not take'],
    remedy: 'read cortex-mcp help <command>, which has an example',
  },
  PORT_IN_USE: {
    meaning: 'Another program listens at the port.',
    causes: ['a gateway runs already', 'another program has taken the port'],
    remedy: 'stop what listens there, or choose another port with --port',
  },
  PORT_FORBIDDEN: {
    meaning: 'The system does not let this user open the port.',
    causes: ['a port below 1024', 'a sandbox or security module'],
    remedy: 'choose a port above 1023 with --port',
  },
  HOST_UNKNOWN: {
    meaning: 'The address to listen on is not one of this machine.',
    causes: ['a misspelled --host', 'an interface that is not up'],
    remedy: 'give --host an address of this machine, such as 127.0.0.1',
  },
  CLIENT_UNKNOWN: {
    meaning: 'No client is called that, or it has no file here.',
    causes: ['a misspelled name', 'a client that is not supported', 'a client that never ran here'],
    remedy: 'look it up: cortex-mcp connect --list; name its file with --file',
  },
  CONNECTOR_UNKNOWN: {
    meaning: 'No connector is called that, or nothing is kept of it.',
    causes: ['a misspelled id', 'another configuration than the one meant'],
    remedy: 'look it up: cortex-mcp connectors list; cortex-mcp sync',
  },
  CONNECTOR_NO_LOGIN: {
    meaning: 'A connector of the registry is not one that a person can log in to.',
    causes: ['it is switched off', 'it came from elsewhere', 'it has a key in its headers'],
    remedy: 'do what the message says, then log in again',
  },
  CODE_UNKNOWN: {
    meaning: 'There is no such error code.',
    causes: ['a misspelled code', 'a code of the server or of the system'],
    remedy: 'cortex-mcp explain lists all codes',
  },
  INPUT_INVALID: {
    meaning: 'What was given as JSON is none, or not of the form that is needed.',
    causes: ['quotes that the shell has taken', 'a list or text in place of an object'],
    remedy: `put the JSON into single quotes, or pass it on stdin with -`,
  },
  INPUT_TOO_LARGE: {
    meaning: 'A file, or what came on stdin, is larger than its bound.',
    causes: ['another file than the one meant'],
    remedy: 'check what is passed; split it',
  },
  NAME_TAKEN: {
    meaning: 'The registry has a server of that name.',
    causes: ['it was added before'],
    remedy: 'choose another name, or replace it with --force',
  },
  OUTPUT_UNWRITABLE: {
    meaning: 'The file for the result cannot be written.',
    causes: ['its folder is missing or not writable', 'it is a folder'],
    remedy: 'name a file in a folder of yours with -o',
  },
  BENCH_INVALID: {
    meaning: 'The record of a bench cannot be used.',
    causes: ['a wrong path', 'a record without results of the bench `budget`'],
    remedy: 'give --bench a record that the bench `budget` has written with --json',
  },
  KEY_MISSING: {
    meaning: 'There is no key to sign or check a service map with, or one of the other kind.',
    causes: ['CONNECTORS_SIGNATURE_KEY is not set', 'a shared secret given with --ed25519'],
    remedy: 'set CONNECTORS_SIGNATURE_KEY or give --key-file; cortex-mcp map keygen makes one',
  },
  TOOL_UNKNOWN: {
    meaning: 'No connector offers a tool of that name.',
    causes: ['a misspelled name', 'its connector did not answer: stderr names it'],
    remedy: 'look it up: cortex-mcp tools',
  },
  CALL_FAILED: {
    meaning: 'The server answered a call with an error whose code only the server knows.',
    causes: ['arguments that the tool does not take', 'a fault of the server'],
    remedy: 'read the message and the log of the server',
  },
  SERVER_UNKNOWN: {
    meaning: 'The registry has no server, or no version of it, of that name.',
    causes: ['a misspelled name', 'another state folder: CORTEX_HOME'],
    remedy: 'look it up: cortex-mcp registry list',
  },
  BASELINE_MISSING: {
    meaning: 'There is no baseline in that folder, or of that name.',
    causes: ['none was taken', 'a misspelled name', 'another folder: --out'],
    remedy: 'look it up: cortex-mcp baseline list; take one: cortex-mcp baseline collect',
  },
  BASELINE_INVALID: {
    meaning: 'The record of a baseline cannot be used.',
    causes: ['it was cut off or edited', 'it is of another version'],
    remedy: 'take another one: cortex-mcp baseline collect',
  },
  BASELINES_FULL: {
    meaning: 'There are 1,000 baselines of this day and label.',
    causes: ['a timer that runs too often'],
    remedy: 'choose another --label, or delete old ones',
  },
  BASELINE_TOO_SHORT: {
    meaning: 'The service did not answer twice, so there is nothing to compare.',
    causes: ['it stopped meanwhile', 'it was too busy to answer', 'a time that is too short'],
    remedy: 'check that the service runs, and watch longer with --seconds',
  },
  PROBE_FAILED: {
    meaning: 'The tool of --probe cannot be called.',
    causes: ['a misspelled tool', 'wrong --args', 'the service listens on no port'],
    remedy: 'try cortex-mcp call with the same tool and arguments',
  },
  CLIENT_FILE_CHANGED: {
    meaning: "The client's file was changed while the command worked on it; nothing was written.",
    causes: ['the client wrote its own settings'],
    remedy: 'run the command again; close the client if it happens again',
  },
  CLIENT_FILE_INVALID: {
    meaning: "The client's file cannot be read as its client does; nothing was written.",
    causes: ['a missing comma, quote or bracket'],
    remedy: 'correct the file at the place that the message names',
  },
  CLIENT_ENTRY_FOREIGN: {
    meaning: "The client's file has a server of our name that is not this gateway.",
    causes: ['an entry that was written by hand', 'another program of the same name'],
    remedy: 'look at the entry; replace it with --force',
  },
  UNDO_DAMAGED: {
    meaning: 'The note of what connect did to a file is damaged.',
    causes: ['it was edited or cut off'],
    remedy: "take the copy that lies beside the client's file by hand",
  },
  UNDO_NOTHING: {
    meaning: "There is nothing to take back in the client's file.",
    causes: ['connect did not change it', 'it was taken back already', 'the file was deleted'],
    remedy: 'nothing; cortex-mcp connect --list shows which clients are connected',
  },
  PINS_UNREADABLE: {
    meaning: 'The file of pins cannot be used.',
    causes: ['permissions', 'it is of a newer version', 'another process holds it'],
    remedy: 'read why in the message; docs/security.md says what the file holds',
  },
  REGISTRY_UNUSABLE: {
    meaning: 'The registry of the state folder cannot be opened.',
    causes: ['its files are damaged', 'permissions', 'a file system without locks'],
    remedy: 'cortex-mcp registry doctor names the file and what to do',
  },
  NOT_A_GATEWAY: {
    meaning: 'What answers at the address is no Cortex MCP, or one of another version.',
    causes: ['another program has the port', 'the service is older or newer than this command'],
    remedy: 'correct --url or --config; use the command that came with the service',
  },
  SERVICE_RESTARTED: {
    meaning: 'The service was restarted while it was watched.',
    causes: ['a supervisor', 'somebody who works on it'],
    remedy: 'run the command again',
  },
  INSPECTOR_LOST: {
    meaning: 'The connection to the inspector of the service broke.',
    causes: ['the service ended', 'its inspector was closed by somebody else'],
    remedy: 'check that the service runs, and run the command again',
  },
  PROFILE_INVALID: {
    meaning: 'The engine refused to profile, or gave a profile that cannot be read.',
    causes: ['a Node of a version that is not known here'],
    remedy: 'run the command again; report it with the version of Node if it stays so',
  },
  FOLDER_EXPOSED: {
    meaning: 'The folder for the socket of desktop clients can be entered by other users.',
    causes: ['a folder in /tmp that somebody else has made', 'its mode was changed'],
    remedy: 'set TMPDIR to a folder of yours, or give the folder mode 0700',
  },
  SYSTEM_ERROR: {
    meaning: 'The system or the network refused an operation; the message has its own code.',
    causes: ['a folder in the place of a file, or the other way round', 'a limit of the system'],
    remedy: 'mend what the message names; cortex-mcp doctor checks the limits',
  },
};

/** What the listener answers by itself, before any route: `code` in the body. */
export const LISTENER_ERRORS: ErrorTable = {
  HOST_NOT_ALLOWED: {
    meaning: '403: the Host header does not name this machine, or 400: there are two.',
    causes: ['a reverse proxy that passes its own name on', 'DNS rebinding by a web page'],
    remedy: 'add the name to allowedHosts, or have the proxy send a loopback Host',
  },
  ORIGIN_NOT_ALLOWED: {
    meaning: '403: a web page of another origin asks.',
    causes: ['a web client that is not listed', 'a page that tries what it can reach'],
    remedy: 'add the origin to allowedOrigins if you trust the page',
  },
  ROUTE_UNKNOWN: {
    meaning: '404: nothing is served at this path.',
    causes: [
      'a misspelled path; the endpoint is /mcp',
      'a route that is switched off: /sse, /v0.1',
    ],
    remedy: 'correct the path; cortex-mcp serve prints the address of the endpoint',
  },
};
