import { writeFile } from 'node:fs/promises';
import type { Session } from 'node:inspector/promises';

/** Between two samples of a profile. */
const SAMPLE_US = 200;

/** Samples where this process's time goes, from now on. */
export async function startProfile(): Promise<Session> {
  const { Session: Inspector } = await import('node:inspector/promises');
  const session = new Inspector();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await session.post('Profiler.start');
  return session;
}

/** Ends that and writes a `.cpuprofile`. */
export async function endProfile(session: Session | undefined, file: string): Promise<void> {
  if (session === undefined) throw new Error('no profile was begun');
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  await writeFile(file, JSON.stringify(profile));
}
