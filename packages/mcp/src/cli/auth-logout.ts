import { type AuthScope, withAuth } from './auth.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { safeText } from './terminal-text.ts';

async function logOut(context: CommandContext, { login, connectors }: AuthScope): Promise<number> {
  const { io, json } = context;
  const [known] = connectors;
  if (known === undefined) return EXIT_FAILED;
  const { definition } = known;
  const { removed, revoked, problems } = await login.logout(definition, io.signal);
  for (const problem of problems) {
    io.stderr.write(`warning: not revoked, it ends by itself: ${safeText(problem)}\n`);
  }
  const line =
    removed === 0
      ? `nothing was kept of ${definition.id}`
      : `logged out of ${definition.id}${revoked > 0 ? ', tokens revoked' : ''}`;
  const result = { connector: definition.id, removed, revoked, problems };
  io.stdout.write(`${json ? JSON.stringify(result) : line}\n`);
  return EXIT_OK;
}

export const authLogoutCommand: Command = {
  name: 'auth logout',
  argumentsUsage: '<connector>',
  minArguments: 1,
  maxArguments: 1,
  options: ['config', 'json'],
  summary: 'Give back and forget the tokens of a connector',
  details: [
    'Asks the authorization server to revoke them, where it offers that (RFC 7009), and removes them from this',
    'machine in any case. A running gateway stops using them.',
  ],
  example: 'cortex-mcp auth logout github',
  run: async (context) => await withAuth(context, async (scope) => await logOut(context, scope)),
};
