import { type AuthScope, withAuth } from './auth.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { createPaint, safeText, table } from './terminal-text.ts';

async function show(context: CommandContext, { login, connectors }: AuthScope): Promise<number> {
  const { io, json, args } = context;
  const states = await Promise.all(
    connectors.map(async (one) => await login.status(one.definition)),
  );
  const needy = states.some(({ state }) => state === 'login-required');
  if (json) {
    io.stdout.write(`${JSON.stringify(args.length === 0 ? states : states[0])}\n`);
    return needy ? EXIT_FAILED : EXIT_OK;
  }
  const rows = states.map(({ connector, state, issuer = '', scopes = [], expiresAt = '' }) => [
    { text: connector },
    { text: state },
    { text: safeText(issuer) },
    { text: safeText(scopes.join(' ')) },
    { text: expiresAt },
  ]);
  const heads = ['CONNECTOR', 'STATE', 'ISSUER', 'SCOPES', 'EXPIRES'];
  io.stdout.write(table(heads, rows, { paint: createPaint(io), columns: io.columns }));
  for (const { connector, state, problems = [] } of states) {
    for (const problem of problems) io.stderr.write(`warning: ${safeText(problem)}\n`);
    if (state === 'login-required') {
      io.stderr.write(`${connector}: run cortex-mcp auth login ${connector}\n`);
    }
  }
  return needy ? EXIT_FAILED : EXIT_OK;
}

export const authStatusCommand: Command = {
  name: 'auth status',
  argumentsUsage: '[connector]',
  minArguments: 0,
  maxArguments: 1,
  options: ['config', 'json'],
  summary: 'Show how connectors are authenticated at their servers',
  details: [
    'States: none, keys (in headers), self (the gateway gets tokens itself), logged-in, expired (renewed at the next',
    'call), login-required. Never shows a token. Exit code 1 when a connector needs a login.',
  ],
  example: 'cortex-mcp auth status --json',
  run: async (context) => await withAuth(context, async (scope) => await show(context, scope)),
};
