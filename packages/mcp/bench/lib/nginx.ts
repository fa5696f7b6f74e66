import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tempFolder } from '@cortex-os/testkit';
import { cpuMsOf } from './cpu-time.ts';
import { freePort } from './program.ts';
import type { Subject } from './subject.ts';

const PLACES = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/bin/nginx'];
const PATH = PLACES.find((place) => existsSync(place));

/** `nginx/1.22.1`, or undefined where none is installed. */
export function nginxVersion(): string | undefined {
  if (PATH === undefined) return undefined;
  const { stderr } = spawnSync(PATH, ['-v'], { encoding: 'utf8' });
  return /nginx\/[\d.]+/.exec(stderr)?.[0];
}

function configOf(folder: string, port: number, upstream: URL): string {
  // A worker of another user could not write into the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `
${user}
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 16m;
  client_body_buffer_size 2m;
  proxy_buffers 64 64k;
  proxy_busy_buffers_size 128k;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  upstream server { server ${upstream.host}; keepalive 40; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;
}

/** The worker, which does the work; its parent only watches over it. */
async function workerOf(parent: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const list = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
    if (list !== '') return Number(list.split(' ', 1)[0]);
    await delay(20);
  }
  throw new Error('nginx started no worker within 2 s');
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      // Not yet.
      await delay(20);
    } finally {
      socket.destroy();
    }
  }
  throw new Error('nginx does not listen after 2 s');
}

/** `proxy_pass` with one worker and kept connections; its processor time is that of the worker, in ticks of 10 ms. */
export async function startNginx(url: string): Promise<Subject> {
  if (PATH === undefined) throw new Error('nginx is not installed');
  const folder = tempFolder();
  const port = await freePort();
  const config = join(folder.path, 'nginx.conf');
  await writeFile(config, configOf(folder.path, port, new URL(url)));
  const argv = ['-p', folder.path, '-c', config];
  const child = spawn(PATH, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  const pid = await workerOf(child.pid ?? 0);
  await untilListening(port);
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    pid,
    commandLine: `${PATH} -c <one worker, proxy_pass, keepalive 40>`,
    usage: async () => ({
      cpuUs: cpuMsOf(pid) * 1_000,
      gcUs: 0,
      rssBytes: Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096,
      heapBytes: 0,
      externalBytes: 0,
    }),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGQUIT');
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}
