// Installs the peers into bench/peers where they are not, or older than their lock file, compiles the comparison into .bench/ and runs it with the arguments given.
import { spawnSync } from 'node:child_process';
import { rmSync, statSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command, args, cwd = root) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const peers = `${root}bench/peers`;
const writtenAt = (file) => statSync(`${peers}/${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (writtenAt('node_modules/.package-lock.json') < writtenAt('package-lock.json'))
  run('npm', ['ci', '--no-audit', '--no-fund'], peers);
const swc = ['node_modules/@swc/cli/bin/swc.js', 'src', 'bench', 'test/support', '-d', '.bench'];
run(process.execPath, [...swc, '--ignore', 'bench/peers/node_modules/**', '--config-file', '.swcrc', '-q']);
const link = `${root}.bench/bench/peers/node_modules`;
rmSync(link, { force: true });
symlinkSync(`${peers}/node_modules`, link);
run(process.execPath, ['.bench/bench/peers/main.js', ...process.argv.slice(2)]);
