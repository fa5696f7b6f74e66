import { definedVariables } from '../config/environment.ts';
import { CredentialError } from '../credentials/credential-error.ts';
import { openBrowser } from '../credentials/open-browser.ts';
import { type AuthScope, withAuth } from './auth.ts';
import { forLogin, rememberLogin } from './auth-registry.ts';
import type { Command, CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK, exitCodeOfSignal } from './exit-code.ts';
import { safeText } from './terminal-text.ts';

/** The address goes to stderr, so that what is on stdout can be read by a program. */
async function present(url: URL, { io, options }: CommandContext): Promise<void> {
  const browser = !options.has('no-browser') && io.isTty;
  const opened = browser && (await openBrowser(url, { env: definedVariables(io.env) }));
  const what = opened
    ? 'Opened in your browser; if it did not open:'
    : 'Open this address in a browser:';
  io.stderr.write(`${what}\n  ${safeText(url.href)}\nWaiting for the login, Ctrl-C ends it.\n`);
}

async function logIn(context: CommandContext, { login, connectors }: AuthScope): Promise<number> {
  const { io, json } = context;
  const [known] = connectors;
  if (known === undefined) return EXIT_FAILED;
  const definition = forLogin(known);
  try {
    const { issuer, scopes, expiresAtMs, renewable } = await login.login(definition, {
      present: async (url) => await present(url, context),
      signal: io.signal,
    });
    if (known.source === 'registry') await rememberLogin(io, definition.id);
    const expiresAt = expiresAtMs === undefined ? undefined : new Date(expiresAtMs).toISOString();
    const result = { connector: definition.id, issuer, scopes, expiresAt, renewable };
    const until = expiresAt === undefined ? '' : ` until ${expiresAt}`;
    const more = renewable ? ', renewed by itself' : '';
    const line = `logged in to ${definition.id} at ${safeText(issuer)}${until}${more}`;
    io.stdout.write(`${json ? JSON.stringify(result) : line}\n`);
    return EXIT_OK;
  } catch (error) {
    const cancelled = error instanceof CredentialError && error.code === 'AUTH_CANCELLED';
    if (cancelled && io.signal.aborted) return exitCodeOfSignal(io.signal.reason);
    throw error;
  }
}

export const authLoginCommand: Command = {
  name: 'auth login',
  argumentsUsage: '<connector>',
  minArguments: 1,
  maxArguments: 1,
  options: ['config', 'no-browser', 'json'],
  summary: 'Log in to the server of a connector',
  details: [
    'For connectors with auth of type oauth, and for servers over HTTP in the registry, which have it from then on.',
    'Opens the address of the authorization server (in a pipe or with --no-browser it is only printed, on stderr),',
    'waits up to 5 minutes for the answer on 127.0.0.1, and keeps the tokens sealed in secrets/oauth/ of the state',
    'folder. A running gateway takes them up by itself.',
  ],
  example: 'cortex-mcp auth login github',
  run: async (context) => await withAuth(context, async (scope) => await logIn(context, scope)),
};
