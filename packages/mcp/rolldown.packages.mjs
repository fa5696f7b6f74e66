/** The part of rolldown.config.mjs that leaves out of packages what the command does not use. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** A module of our own making that stands for the import of a package. */
export function standIn(packageName, source) {
  const id = `\0${packageName}`;
  return {
    name: `stand-in for ${packageName}`,
    resolveId: (wanted) => (wanted === packageName ? id : undefined),
    load: (wanted) => (wanted === id ? source : undefined),
  };
}

/** prom-client's index loads its default metrics too, and with them OpenTelemetry: 50 modules that nobody uses. */
export function promClient() {
  const folder = dirname(require.resolve('prom-client'));
  const lines = ['Counter', 'Gauge', 'Histogram', 'Registry'].map((name) => {
    const file = join(folder, 'lib', `${name.toLowerCase()}.js`);
    return `export { default as ${name} } from ${JSON.stringify(file)};`;
  });
  return standIn('prom-client', lines.join('\n'));
}

/**
 * undici loads what it needs for HTTP/2 with every client, and with it all of Node's `http2` and `tls`: 9 MB of a process.
 * We never speak it (`allowH2`), and TLS is loaded with the first connection that wants it.
 */
export function lateHttp2() {
  const load = "require('./client-h2.js')";
  const line = `const connectH2 = ${load}\n`;
  return {
    name: 'late HTTP/2',
    transform: {
      filter: { id: /[\\/]undici[\\/]lib[\\/]dispatcher[\\/]client\.js$/ },
      handler(code) {
        if (!code.includes(line)) throw new Error('undici loads HTTP/2 in another way than before');
        const late = `const connectH2 = (...given) => ${load}(...given)\n`;
        return { code: code.replace(line, late), map: null };
      },
    },
  };
}

/**
 * Descriptions of settings are for JSON Schemas, which the command does not write. To hold one, zod makes a copy of what is
 * described: a third of the schemas of a start.
 */
export function noDescriptions() {
  const heads = ['describe(description) {', 'meta(...args) {'];
  const copy =
    /const cl = this\.clone\(\);\n\s+core\.globalRegistry\.add\(cl, [^;]+\);\n\s+return cl;/g;
  return {
    name: 'no descriptions',
    transform: {
      filter: { id: /[\\/]zod[\\/]v4[\\/]classic[\\/]schemas\.js$/ },
      handler(code) {
        const found = code.match(copy)?.length;
        if (found !== heads.length || !heads.every((head) => code.includes(head))) {
          throw new Error('zod describes schemas in another way than before');
        }
        return { code: code.replaceAll(copy, 'return this;'), map: null };
      },
    },
  };
}

/**
 * What pino needs for files, threads and transports: its lines go to a function of ours. Its index loads it all the same,
 * and looks for the files that the caller is in, which reads through the whole bundle.
 */
export function plainPino() {
  const unused = standIn('sonic-boom', 'module.exports = class {};');
  const places = /[\\/]pino[\\/]lib[\\/](?:caller|transport)\.js$/;
  return {
    name: 'plain pino',
    resolveId: unused.resolveId,
    load: unused.load,
    transform: {
      filter: { id: places },
      handler: () => ({ code: 'module.exports = () => undefined;', map: null }),
    },
  };
}
