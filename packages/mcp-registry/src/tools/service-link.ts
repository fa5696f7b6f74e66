import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { open } from 'node:fs/promises';
import { request } from 'undici';
import { z } from 'zod';
import { RegistryError, registryErrorCodes, type RegistryErrorCode } from '../registry-error.ts';
import { ChangedMeanwhileError, type ChangeOutcome, type CheckedChange } from './checked-change.ts';

/** File of the state folder by which others find the service that holds the registry (mode 0600). */
export const controlFileName = 'registry-control.json';

const controlSchema = z.object({
  url: z.url({ protocol: /^http$/, hostname: /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/ }),
  token: z.string().regex(/^[\w-]{32,128}$/),
});
const helloSchema = z.object({ proof: z.string() });
const outcomeSchema = z.object({ stored: z.int(), removed: z.int() });
const failureSchema = z.object({ code: z.string(), message: z.string() });

const helloTimeoutMs = 2_000;
const changeTimeoutMs = 30_000;
const maxControlBytes = 4_096;

/** What proves that somebody has read the token: sent before anything is handed to them. */
export function controlProof(token: string, nonce: string): string {
  return createHmac('sha256', token).update(`registry hello ${nonce}`).digest('base64url');
}

/** What proves to a service that its caller has read the token, before either has told it to the other. */
function callerProof(token: string, nonce: string): string {
  return createHmac('sha256', token).update(`registry caller ${nonce}`).digest('base64url');
}

/** A running service that holds the registry. */
export interface ServiceLink {
  /**
   * Has the service make a change; resolves when it is durable.
   * @throws ChangedMeanwhileError, or RegistryError with the service's code.
   */
  change(change: CheckedChange): Promise<ChangeOutcome>;
}

async function readControl(
  stateFolder: string,
): Promise<z.infer<typeof controlSchema> | undefined> {
  try {
    const file = await open(join(stateFolder, controlFileName), 'r');
    try {
      const { size } = await file.stat();
      if (size > maxControlBytes) return undefined;
      return controlSchema.parse(JSON.parse(await file.readFile('utf8')));
    } finally {
      await file.close();
    }
  } catch {
    // No service has announced itself, or its announcement is not for us to read.
    return undefined;
  }
}

/** Whoever has the port now may send without end. @throws RangeError */
async function readHello(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > maxControlBytes) throw new RangeError('the answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function isGenuine(url: string, token: string): Promise<boolean> {
  const nonce = randomBytes(24).toString('base64url');
  try {
    const { statusCode, body } = await request(`${url}/v1/registry/hello?nonce=${nonce}`, {
      headers: { authorization: `Bearer ${callerProof(token, nonce)}` },
      signal: AbortSignal.timeout(helloTimeoutMs),
    });
    const text = await readHello(body);
    if (statusCode !== 200) return false;
    const { proof } = helloSchema.parse(JSON.parse(text));
    const expected = Buffer.from(controlProof(token, nonce));
    const given = Buffer.from(proof);
    return given.length === expected.length && timingSafeEqual(given, expected);
  } catch {
    // Nobody is there any more, or somebody else took the port.
    return false;
  }
}

function toError(status: number, text: string): Error {
  const parsed = failureSchema.safeParse(JSON.parse(text));
  const { code, message } = parsed.success ? parsed.data : { code: '', message: `HTTP ${status}` };
  if (code === 'ECHANGED') return new ChangedMeanwhileError(message);
  const known = registryErrorCodes.find((one): one is RegistryErrorCode => one === code);
  return new RegistryError(known ?? 'EIO', message);
}

/** The service that holds the registry of a state folder; undefined when none runs, or it cannot prove itself. */
export async function findService(stateFolder: string): Promise<ServiceLink | undefined> {
  const control = await readControl(stateFolder);
  if (control === undefined) return undefined;
  const { token } = control;
  const { origin } = new URL(control.url);
  if (!(await isGenuine(origin, token))) return undefined;
  return {
    change: async (change) => {
      const { statusCode, body } = await request(`${origin}/v1/registry/changes`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(change),
        headersTimeout: changeTimeoutMs,
        bodyTimeout: changeTimeoutMs,
      });
      const text = await body.text();
      if (statusCode === 200) return outcomeSchema.parse(JSON.parse(text));
      throw toError(statusCode, text);
    },
  };
}
