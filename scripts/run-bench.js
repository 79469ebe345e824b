// Compiles the sources and the benchmark into .bench/ and runs it with the arguments given.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = spawnSync(
  process.execPath,
  [
    'node_modules/@swc/cli/bin/swc.js',
    'src',
    'bench',
    '-d',
    '.bench',
    '--ignore',
    'bench/peers/**',
    '--config-file',
    '.swcrc',
    '-q',
  ],
  { cwd: root, stdio: 'inherit' },
);
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
const ran = spawnSync(process.execPath, ['.bench/bench/main.js', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(ran.status ?? 1);
