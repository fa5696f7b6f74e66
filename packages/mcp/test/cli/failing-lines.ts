/** Command lines that fail, with the code and the exit code each ends with. */
export interface FailingLine {
  readonly argv: readonly string[];
  readonly code: string;
  readonly exit: 1 | 2;
  /** Variables of this run. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Nobody listens at port 1. */
const NOBODY = 'http://127.0.0.1:1';

function usage(...argv: string[]): FailingLine {
  return { argv, code: 'USAGE', exit: 2 };
}

function mistake(code: string, ...argv: string[]): FailingLine {
  return { argv, code, exit: 2 };
}

function failure(code: string, ...argv: string[]): FailingLine {
  return { argv, code, exit: 1 };
}

const NO_CONFIG = ['--config', 'none.json'] as const;

/**
 * At least one for each command.
 * @param taken a port that is taken, on which something other than a gateway answers.
 */
export function failingLines(taken: number): readonly FailingLine[] {
  const other = `http://127.0.0.1:${taken}`;
  return [
    usage('snyc'),
    usage('--prot', '1'),
    usage('serve', 'more'),
    mistake('CONFIG_NOT_FOUND', 'serve', ...NO_CONFIG),
    mistake('CONFIG_BAD_VALUE', 'serve', '--port', '99999'),
    mistake('PORT_IN_USE', 'serve', '--port', String(taken)),
    {
      ...mistake('HOST_UNKNOWN', 'serve', '--port', '0', '--host', '192.0.2.1'),
      env: { MCP_API_KEY: 'k'.repeat(32) },
    },
    usage('stdio', '--url', 'nowhere'),
    mistake('CONNECTOR_UNKNOWN', 'stdio', '--connector', 'A B', '--url', NOBODY),
    mistake('CONFIG_NOT_FOUND', 'sync', ...NO_CONFIG),
    mistake('CONFIG_NOT_FOUND', 'tools', ...NO_CONFIG),
    failure('SPAWN_FAILED', 'call', 'missing__x'),
    failure('DISABLED', 'call', 'off__x'),
    failure('TOOL_UNKNOWN', 'call', 'zzz'),
    mistake('INPUT_INVALID', 'call', 'missing__x', '{'),
    mistake('CONFIG_NOT_FOUND', 'config', 'show', ...NO_CONFIG),
    mistake('CONFIG_NOT_FOUND', 'flags', ...NO_CONFIG),
    mistake('CODE_UNKNOWN', 'explain', 'NO_SUCH_CODE_AT_ALL'),
    mistake('CLIENT_UNKNOWN', 'connect', 'emacs'),
    failure('UNDO_NOTHING', 'connect', 'cursor', '--undo'),
    usage('connect', '--list', 'cursor'),
    usage('keys', 'create', '--scope', 'odd'),
    usage('keys', 'list', 'more'),
    failure('KEY_UNKNOWN', 'keys', 'revoke', 'none'),
    failure('KEY_UNKNOWN', 'keys', 'rotate', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'auth', 'login', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'auth', 'logout', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'auth', 'status', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'pins', 'list', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'pins', 'diff', 'none'),
    usage('pins', 'approve'),
    usage('audit', 'tail', '--limit', '0'),
    usage('audit', 'search', '--outcome', 'odd'),
    mistake('KEY_MISSING', 'map', 'sign', 'map.json'),
    mistake('KEY_MISSING', 'map', 'verify', 'map.json'),
    mistake('CONFIG_UNREADABLE', 'map', 'keygen', 'map.json'),
    usage('doctor', 'more'),
    failure('UNREACHABLE', 'monitor', '--once', '--url', NOBODY),
    failure('NOT_A_GATEWAY', 'monitor', '--once', '--url', other),
    failure('UNREACHABLE', 'advise', '--seconds', '2', '--url', NOBODY),
    failure('UNREACHABLE', 'baseline', 'collect', '--seconds', '1', '--url', NOBODY),
    usage('baseline', 'collect', '--label', '!'),
    failure('BASELINE_MISSING', 'baseline', 'diff', 'one', 'two'),
    failure('BASELINE_MISSING', 'baseline', 'report', 'one', 'two'),
    failure('SYSTEM_ERROR', 'baseline', 'list', '--dir', 'cortex-mcp.json/below'),
    usage('rollout', 'plan', '--steps', '7'),
    failure('UNREACHABLE', 'rollout', 'check', '--seconds', '0', '--url', NOBODY),
    failure('BASELINE_MISSING', 'rollout', 'check', '--baseline', 'none', '--url', NOBODY),
    usage('profile', 'cpu', '--mode', 'odd'),
    failure('UNREACHABLE', 'profile', 'cpu', '--url', NOBODY),
    mistake('OUTPUT_UNWRITABLE', 'profile', 'heap', '--url', NOBODY, '-o', '.'),
    usage('connectors', 'list', 'more', 'words'),
    usage('connectors', 'add', 'x'),
    mistake('CONNECTOR_UNKNOWN', 'connectors', 'remove', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'connectors', 'enable', 'none'),
    mistake('CONNECTOR_UNKNOWN', 'connectors', 'disable', 'none'),
    usage('registry', 'list', '--limit', '0'),
    failure('SERVER_UNKNOWN', 'registry', 'get', 'none'),
    failure('ENOENT', 'registry', 'add', 'none.json'),
    mistake('INPUT_INVALID', 'registry', 'add', 'list.json'),
    failure('SERVER_UNKNOWN', 'registry', 'remove', 'none'),
    failure('EUNDO', 'registry', 'import', '--undo'),
    failure('SERVER_UNKNOWN', 'registry', 'export', 'cursor', 'none'),
    mistake('CLIENT_UNKNOWN', 'registry', 'export', 'emacs'),
    usage('registry', 'doctor', 'more'),
    mistake('PORT_IN_USE', 'registry', 'serve', '--port', String(taken)),
  ];
}
