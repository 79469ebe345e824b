import { describe, expect, it } from 'vitest';
import { flagsForRookery } from './nest-flags.js';

function of(line: string): string {
  return flagsForRookery(line.split(' ')).join(' ');
}

describe('flagsForRookery', () => {
  it.each([
    ['--entry worker', '--entry worker'],
    ['--entry=worker', '--entry=worker'],
    ['--entry worker --port 9000 --queues a,b -t 5000', '--entry worker --port 9000 --queues a,b -t 5000'],
    ['--watch --entry worker --insecure', '--entry worker --insecure'],
    ['--insecure --watch', '--insecure'],
    ['-t5000', '-t5000'],
  ])('takes our flags out of nest start %s', (line, ours) => {
    expect(of(line)).toBe(ours);
  });

  it.each([
    '-p tsconfig.json',
    '--path tsconfig.json',
    '-ptsconfig.json',
    '--config nest-cli.json',
    '-c nest-cli.json',
    '-d 9229',
    '--debug 0.0.0.0:9229',
    '-b swc -w',
    '-wb swc',
    '--exec node --no-shell',
    '--env-file .env',
    '--type-check --silent --help --version -h -v',
    'my-app',
    '--preserveWatchOutput --watchAssets --tsc',
  ])('leaves nest start %s to the Nest CLI', (line) => {
    expect(of(line)).toBe('');
  });

  it('does not take the value of an option of Nest for a flag of ours', () => {
    expect(of('--exec entry --entry worker -e port')).toBe('--entry worker');
  });

  it('leaves out what follows two dashes, which arrives by itself', () => {
    expect(of('--entry worker -- --port 9000')).toBe('--entry worker');
  });

  it('keeps what looks like a mistyped flag of ours, so that it is refused', () => {
    expect(of('--entri worker --watch')).toBe('--entri worker');
  });

  it('passes over an option that neither side knows', () => {
    expect(of('--zzzzzzzz value --entry worker -z')).toBe('--entry worker');
  });
});
