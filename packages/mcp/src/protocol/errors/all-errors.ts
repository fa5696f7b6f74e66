import { ACCESS_ERRORS } from './access-errors.ts';
import { CALL_ERRORS } from './call-errors.ts';
import { COMMAND_ERRORS, LISTENER_ERRORS } from './command-errors.ts';
import { CONFIG_ERRORS } from './config-errors.ts';
import { CONNECTOR_ERRORS } from './connector-errors.ts';
import { DOCTOR_ERRORS } from './doctor-errors.ts';
import type { ErrorFacts, ErrorTable } from './error-facts.ts';
import { MAP_ERRORS } from './map-errors.ts';
import { EXIT_CODES, RPC_ERRORS } from './number-errors.ts';
import { PROOF_ERRORS } from './proof-errors.ts';
import { REGISTRY_API_ERRORS } from './registry-api-errors.ts';
import { REGISTRY_ERRORS } from './registry-errors.ts';

/** A chapter of `docs/errors.md`. */
export interface ErrorGroup {
  readonly title: string;
  /** Where its codes are met. */
  readonly intro: string;
  readonly codes: ErrorTable;
}

/** Every stable code of the product, each once. Loaded where somebody asks, not at a start. */
export const ALL_ERRORS: readonly ErrorGroup[] = [
  {
    title: 'Connectors',
    intro:
      '`failure.code` in `/status`, the code in `cortex-mcp sync`, and `error.data.code` of calls, with `connector` and `phase`.',
    codes: CONNECTOR_ERRORS,
  },
  {
    title: 'Calls and desktop clients',
    intro: '`error.data.code` of what the gateway or `cortex-mcp stdio` refuses by itself.',
    codes: CALL_ERRORS,
  },
  {
    title: 'Configuration',
    intro:
      'One line on stderr and exit code 2; `config` in the phase of a connector. The last ones are of programs that use the library.',
    codes: CONFIG_ERRORS,
  },
  {
    title: 'Command line',
    intro:
      'On stderr, with what to do on the next line; with `--json` also `{"error": {"code", "message", "remedy", "docs"}}` on stdout.',
    codes: COMMAND_ERRORS,
  },
  {
    title: 'Listener',
    intro: '`code` in the body of an answer that no route gave.',
    codes: LISTENER_ERRORS,
  },
  {
    title: 'Keys, logins, pins, audit log',
    intro:
      'In the log, in `/status` and on stderr of the commands `keys`, `auth`, `pins` and `audit`.',
    codes: ACCESS_ERRORS,
  },
  {
    title: 'Service maps',
    intro:
      '`map.lastError.code` in `/status`, and `cortex-mcp map verify`. A map that is refused leaves the one in force. The last ones say why one connector of a map is not used.',
    codes: MAP_ERRORS,
  },
  {
    title: 'Registry',
    intro: 'On stderr of the commands `connectors` and `registry`, in the log, and in `/status`.',
    codes: REGISTRY_ERRORS,
  },
  {
    title: 'Registry API and tools',
    intro:
      '`code` in the body of an answer of `/v0.1/`; those in small letters are of the tools of the connector `registry`.',
    codes: REGISTRY_API_ERRORS,
  },
  {
    title: 'Findings of `cortex-mcp registry doctor`',
    intro: '`code` of a finding.',
    codes: DOCTOR_ERRORS,
  },
  {
    title: 'Profiling',
    intro: 'On stderr of `cortex-mcp profile`.',
    codes: PROOF_ERRORS,
  },
  {
    title: 'JSON-RPC codes',
    intro: '`error.code` of an answer, as far as the gateway made it.',
    codes: RPC_ERRORS,
  },
  { title: 'Exit codes', intro: '`echo $?` after `cortex-mcp`.', codes: EXIT_CODES },
];

const NAMES: readonly string[] = ALL_ERRORS.flatMap(({ codes }) => Object.keys(codes));

/** The place of a code in `docs/errors.md`: renderers number headings that differ in case only. */
export function anchorOf(name: string): string {
  const anchor = name.toLowerCase();
  const before = NAMES.slice(0, NAMES.indexOf(name));
  const same = before.filter((other) => other.toLowerCase() === anchor).length;
  return same === 0 ? anchor : `${anchor}-${same}`;
}

/** One code with what is known of it. */
export interface KnownError {
  /** As it is written in errors. */
  readonly name: string;
  readonly facts: ErrorFacts;
}

/** Looks a code up: as it is written, else whatever its case, else a number of JSON-RPC without its minus. */
export function findError(code: string): KnownError | undefined {
  const wanted = code.toLowerCase();
  const name =
    NAMES.find((one) => one === code) ??
    NAMES.find((one) => one.toLowerCase() === wanted) ??
    NAMES.find((one) => one === `-${wanted}`);
  const group = ALL_ERRORS.find(({ codes }) => name !== undefined && Object.hasOwn(codes, name));
  const facts = group?.codes[name ?? ''];
  return name === undefined || facts === undefined ? undefined : { name, facts };
}
