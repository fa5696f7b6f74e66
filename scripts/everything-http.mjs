/** The official "everything" server over streamable HTTP, from node_modules, as an upstream for the default example. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, workspaceEnv, workspaceNode } from './workspace.mjs';

const startTimeoutMs = 20_000;
const preload = (name) => `--import=${pathToFileURL(join(root, 'scripts', 'preload', name)).href}`;
const program = join(root, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');

export const lifeline = preload('lifeline.mjs');

/** Resolves to its URL and a way to end it; rejects with what it said when it does not listen within 20 s. */
export async function startEverythingHttp() {
  const child = spawn(
    workspaceNode,
    [lifeline, preload('loopback.mjs'), program, 'streamableHttp'],
    { env: workspaceEnv(), stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    said = (said + chunk).slice(-2000);
  });
  const close = () => child.kill('SIGKILL');
  const port = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('not listening after 20 s')), startTimeoutMs);
    child.once('message', (message) => resolve(message.port));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with code ${code}: ${said.trim()}`)));
    child.once('message', () => clearTimeout(timer));
    child.once('exit', () => clearTimeout(timer));
  }).catch((error) => {
    close();
    throw error;
  });
  return { url: `http://127.0.0.1:${port}/mcp`, close };
}
