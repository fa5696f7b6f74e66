#!/usr/bin/env node
// Written so that a Node far too old still parses it: no static import, no syntax newer than import().
// When the first pass has loaded what a start does not need.
const FLUSH_DELAY_MS = 3000;
const wanted = '^22.22.2 || ^24.15.0 || >=26';

function isSupported(version) {
  const parts = version.split('.').map(Number);
  const major = parts[0];
  const minor = parts[1];
  const patch = parts[2];
  if (major >= 26) return true;
  if (major === 24) return minor >= 15;
  if (major === 22) return minor > 22 || (minor === 22 && patch >= 2);
  return false;
}

function quote(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replace(/'/g, "'\\''") + "'";
}

function fail(line) {
  process.stderr.write('cortex-mcp: ' + line + '\n');
  process.exitCode = 1;
}

function isMissing(error, pattern) {
  return error.code === 'ERR_MODULE_NOT_FOUND' && pattern.test(error.message);
}

// In a checkout where only the compiler has run.
async function fileByFile(error) {
  if (!isMissing(error, /dist.bin.main\.js' imported/)) throw error;
  return await import('../dist/cli/main.js');
}

async function start() {
  // An import would read all that it exports, and so load more.
  const module = process.getBuiltinModule('node:module');
  if (module.enableCompileCache) module.enableCompileCache();
  // Not only at the end: a service that is killed would leave nothing for its next start.
  if (module.flushCompileCache) {
    setTimeout(() => module.flushCompileCache(), FLUSH_DELAY_MS).unref();
  }
  // Slower, and for those who look for a fault: then every line of a stack names its source.
  if (/^(debug|trace)$/.test(process.env.MCP_LOG_LEVEL || '')) process.setSourceMapsEnabled(true);
  const cli = await import('../dist/bin/main.js').catch(fileByFile);
  // Output is flushed and everything is closed: nothing that others put into this process may keep it.
  process.exit(await cli.main(process.argv.slice(2)));
}

if (isSupported(process.versions.node)) {
  start().catch(function (error) {
    if (isMissing(error, /dist.cli.main\.js' imported/)) {
      fail('not built yet. Run: npm run build');
    } else {
      fail(error.stack || String(error));
    }
  });
} else {
  const command = ['npx', '-y', 'node@26'].concat(process.argv.slice(1).map(quote)).join(' ');
  fail('needs Node ' + wanted + ', this is ' + process.versions.node + '. Run: ' + command);
}
