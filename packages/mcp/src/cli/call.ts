import type { LoadedConfig } from '../config/config.ts';
import { nearest } from '../config/nearest.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { Service } from '../service/service.ts';
import { CommandError } from '../protocol/command-error.ts';
import { CallError, connectorError } from './call-error.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { readConfig, withService } from './open-service.ts';
import { safeText } from './terminal-text.ts';
import { readAnswer, showResult } from './tool-result.ts';
import { showFailures } from './tools.ts';

/** The most that is read from stdin: a request's limit (contract.md, sizes). */
const MAX_ARGUMENT_BYTES = 4 * 1024 * 1024;

async function readAll(stdin: CliIo['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > MAX_ARGUMENT_BYTES) {
      throw new UsageError(
        `the arguments on stdin are larger than ${MAX_ARGUMENT_BYTES} bytes`,
        'INPUT_TOO_LARGE',
      );
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The arguments as JSON text, unchanged, once it is known to be an object. @throws UsageError */
async function readArguments(given: string | undefined, io: CliIo): Promise<string> {
  const text = given === '-' ? await readAll(io.stdin) : (given ?? '{}');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'not JSON';
    throw new UsageError(`the arguments are not JSON (${safeText(reason)})`, 'INPUT_INVALID');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(
      'the arguments must be a JSON object, such as {"message":"hello"}',
      'INPUT_INVALID',
    );
  }
  return text;
}

/** The connectors that the name of a tool begins with. */
function ownersOf(tool: string, config: LoadedConfig): readonly ConnectorDefinition[] {
  const separator = config.settings.separator.value;
  return config.connectors.filter(({ id }) => tool.startsWith(id + separator));
}

interface CallRequest {
  readonly tool: string;
  readonly args: string;
  readonly owners: ReadonlySet<string>;
}

function unknownTool(tool: string, service: Service): CommandError {
  const names = service.tools().map(({ name }) => name);
  const meant = nearest(tool, names);
  const remedy = meant === undefined ? 'see cortex-mcp tools' : `did you mean ${meant}?`;
  return new CommandError('TOOL_UNKNOWN', `there is no tool ${JSON.stringify(tool)}`, { remedy });
}

async function callTool(
  context: CommandContext,
  service: Service,
  request: CallRequest,
): Promise<number> {
  const { io } = context;
  const report = await service.manager.sync(true);
  if (io.signal.aborted) return EXIT_FAILED;
  await service.settled();
  if (!service.tools().some(({ name }) => name === request.tool)) {
    const { owners } = request;
    // Whether it has that tool is not known as long as it does not answer.
    const silent = report.outcomes.filter(({ id }) => owners.has(id)).map(connectorError);
    const failure = silent.find((error) => error !== undefined);
    if (failure !== undefined) throw failure;
    showFailures(io, report);
    throw unknownTool(request.tool, service);
  }
  const answer = readAnswer(await service.call(request.tool, request.args));
  if (answer.kind === 'error') {
    throw new CallError(`${request.tool} failed: ${answer.message}`, answer);
  }
  const { text, isError } = showResult(answer.text, io.isTty);
  io.stdout.write(`${context.json ? answer.text : text}\n`);
  return isError ? EXIT_FAILED : EXIT_OK;
}

async function call(context: CommandContext): Promise<number> {
  const [tool = '', given] = context.args;
  const args = await readArguments(given, context.io);
  const config = await readConfig(context);
  const owners = ownersOf(tool, config);
  // Only those are needed; when there are none, all are asked.
  const connectors = owners.length > 0 ? owners : config.connectors;
  const request = { tool, args, owners: new Set(owners.map(({ id }) => id)) };
  return await withService(
    context,
    { config, connectors },
    async (service) => await callTool(context, service, request),
  );
}

export const callCommand: Command = {
  name: 'call',
  argumentsUsage: '<tool> [json]',
  minArguments: 1,
  maxArguments: 2,
  options: ['config', 'json'],
  summary: 'Call one tool and print its result',
  details: [
    'The arguments are a JSON object; - reads it from stdin, and without it the object is empty.',
    '--json prints the result as the server gave it. Exit code 1 when the tool or the call failed.',
  ],
  example: `cortex-mcp call everything__echo '{"message":"hello"}'`,
  run: call,
};
