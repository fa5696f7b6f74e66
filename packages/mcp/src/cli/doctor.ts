import { availableParallelism, totalmem } from 'node:os';
import { ConfigError } from '../config/config-error.ts';
import { type LoadedConfig, loadConfig } from '../config/config.ts';
import { definedVariables } from '../config/environment.ts';
import { stateFolder } from '../config/locate-config.ts';
import type { BrokenConfig, DoctorConfig, Finding, Severity } from '../proof/doctor.ts';
import type { ServiceReading } from '../proof/service-reading.ts';
import type { CliIo } from './cli-io.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { knownConnectors, type KnownConnectors } from './known-connectors.ts';
import { openRunningService } from './running-service.ts';
import { type Colour, createPaint, safeText } from './terminal-text.ts';

const COLOURS: Readonly<Record<Severity, Colour>> = {
  ok: 'green',
  info: 'cyan',
  warn: 'yellow',
  fail: 'red',
  unknown: 'dim',
};
const SEVERITY_WIDTH = 8;
const ID_WIDTH = 16;
/** How long the service may take to close what it has open. */
const CLOSING_MS = 15_000;

async function configOf({ io, flags }: CommandContext): Promise<LoadedConfig | ConfigError> {
  try {
    // A machine on which nothing is configured yet is at its first start, and not broken.
    return await loadConfig({ flags, env: io.env, cwd: io.cwd, home: io.home, orEmpty: true });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** The connectors of file and registry; the check of the registry says what keeps it from being read. */
async function connectorsOf(io: CliIo, config: LoadedConfig): Promise<KnownConnectors> {
  try {
    return await knownConnectors(io, config);
  } catch {
    const own = config.connectors.map((definition) => ({ definition, source: 'config' as const }));
    return { connectors: own, warnings: [] };
  }
}

async function shownConfig(
  io: CliIo,
  config: LoadedConfig | ConfigError,
): Promise<DoctorConfig | BrokenConfig> {
  if (config instanceof ConfigError) return { kind: 'broken', message: config.message };
  const { settings, configPath, serviceMap } = config;
  const { connectors, warnings } = await connectorsOf(io, config);
  return {
    kind: 'loaded',
    path: configPath,
    warnings: [...config.warnings, ...warnings],
    connectors: connectors.map(({ definition }) => definition),
    followsMap: serviceMap !== undefined,
    host: settings.host.value,
    port: settings.port.value,
    drainMs: settings.drainLameDuckMs.value + settings.drainMaxMs.value + CLOSING_MS,
  };
}

/** The service of the configuration, if one runs. */
async function readingOf(
  io: CliIo,
  config: LoadedConfig | ConfigError,
): Promise<ServiceReading | undefined> {
  if (config instanceof ConfigError) return undefined;
  const service = await openRunningService(io, config, undefined);
  try {
    return await service.read();
  } catch {
    return undefined; // none runs: the checks say what that leaves unknown
  } finally {
    await service.close();
  }
}

/** The folder of the registry, in one line; `cortex-mcp registry doctor` has the rest. */
async function checkRegistry(io: CliIo): Promise<readonly Finding[]> {
  const [{ examineRegistry }, { chance, locateRegistry }] = await Promise.all([
    import('@cortex-os/mcp-registry'),
    import('./registry-location.ts'),
  ]);
  const { path } = locateRegistry(io);
  const { healthy, findings, content } = await examineRegistry({ path, random: chance });
  const worst = findings.find(({ level }) => level !== 'note');
  const more = findings.length > 1 ? `, and ${findings.length - 1} more` : '';
  const isError = findings.some(({ level }) => level === 'error');
  const held = content === undefined ? 'unreadable' : `${content.records} servers`;
  return [
    {
      id: 'registry',
      severity: healthy ? 'ok' : isError ? 'fail' : 'warn',
      finding: worst === undefined ? `${held}, healthy` : `${worst.message}${more}`,
      why: 'What is registered is kept in the state folder, and in nothing else.',
      fix: healthy ? '' : 'cortex-mcp registry doctor explains, --repair puts right what can be',
    },
  ];
}

function show(io: CliIo, findings: readonly Finding[]): void {
  const paint = createPaint(io);
  for (const { id, severity, finding, why, fix } of findings) {
    const head = paint(COLOURS[severity], severity.padEnd(SEVERITY_WIDTH));
    io.stdout.write(`${head}${id.padEnd(ID_WIDTH)}${safeText(finding)}\n`);
    if (fix === '') continue;
    const indent = ' '.repeat(SEVERITY_WIDTH + ID_WIDTH);
    io.stdout.write(
      `${indent}${paint('dim', `why: ${safeText(why)}`)}\n${indent}fix: ${safeText(fix)}\n`,
    );
  }
  const count = (severity: Severity): number =>
    findings.filter((one) => one.severity === severity).length;
  const parts = (['fail', 'warn', 'info', 'ok', 'unknown'] as const)
    .filter((severity) => count(severity) > 0)
    .map((severity) => `${count(severity)} ${severity}`);
  io.stdout.write(`${parts.join(', ')}\n`);
}

async function doctor(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const config = await configOf(context);
  const { examine } = await import('../proof/doctor.ts');
  const findings = await examine({
    config: await shownConfig(io, config),
    stateFolder: stateFolder({ flag: undefined, env: io.env, cwd: io.cwd, home: io.home }).value,
    service: await readingOf(io, config),
    env: definedVariables(io.env),
    machineMemoryBytes: totalmem(),
    cores: availableParallelism(),
    more: [async () => await checkRegistry(io)],
  });
  const healthy = findings.every(({ severity }) => severity !== 'fail');
  if (json) io.stdout.write(`${JSON.stringify({ healthy, findings }, undefined, 2)}\n`);
  else show(io, findings);
  return healthy ? EXIT_OK : EXIT_FAILED;
}

export const doctorCommand: Command = {
  name: 'doctor',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host', 'json'],
  summary: 'Check service, configuration and machine, with why it matters and what to do',
  details: [
    'Looks at Node and its flags, limits, allocator, huge pages, heap sizes, control group and pressure, clock,',
    'state folder, port, configuration, commands, names and proxies, log and registry; of the running service',
    'where there is one. What the system does not tell is unknown. Exit code 1 when something is at fail.',
  ],
  example: 'cortex-mcp doctor --config cortex-mcp.json',
  run: doctor,
};
