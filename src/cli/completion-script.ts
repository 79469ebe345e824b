import type { Command } from 'commander';

/** The shells there is a script for. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A command, by the words that lead to it, with what may follow. */
interface Place {
  readonly path: string;
  readonly commands: readonly Command[];
  readonly flags: readonly string[];
}

/** A script that makes the shell complete the commands and options of this program. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program, '');
  return shell === 'fish' ? fishScript(program.name(), places) : bashScript(program.name(), places, shell);
}

function placesOf(command: Command, path: string): Place[] {
  const commands = command.commands.filter((one) => one.name() !== 'help');
  const flags = command.options.flatMap(({ long }) => (typeof long === 'string' ? [long] : []));
  const place = { path, commands, flags: [...flags, '--help'] };
  return [place, ...commands.flatMap((one) => placesOf(one, `${path} ${one.name()}`.trim()))];
}

/** zsh has a bridge for bash's. */
function bashScript(name: string, places: readonly Place[], shell: 'bash' | 'zsh'): string {
  const paths = places.map(({ path }) => path).filter((path) => path !== '');
  const cases = places.map(({ path, commands, flags }) => {
    const words = [...commands.map((command) => command.name()), ...flags];
    return `    '${path}') words='${words.join(' ')}' ;;`;
  });
  return [
    ...(shell === 'zsh'
      ? ['autoload -U +X compinit && compinit -u', 'autoload -U +X bashcompinit && bashcompinit']
      : []),
    `_${name}() {`,
    '  local cur="${COMP_WORDS[COMP_CWORD]}" path="" word words i',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word="${path:+$path }${COMP_WORDS[i]}"',
    `    case "$word" in ${paths.map((path) => `'${path}'`).join('|')}) path="$word" ;; esac`,
    '  done',
    '  case "$path" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '}',
    `complete -o default -F _${name} ${name}`,
  ].join('\n');
}

function fishScript(name: string, places: readonly Place[]): string {
  return places
    .flatMap(({ path, commands, flags }) => {
      const words = path.split(' ').filter((word) => word !== '');
      const others = commands.map((command) => command.name()).join(' ');
      const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
      const here = seen.length === 0 ? '__fish_use_subcommand' : seen.join('; and ');
      const atCommand =
        others === '' || seen.length === 0 ? here : `${here}; and not __fish_seen_subcommand_from ${others}`;
      return [
        ...commands.map(
          (command) =>
            `complete -c ${name} -n '${atCommand}' -a ${command.name()} -d ${quoted(command.description())}`,
        ),
        ...flags.map((flag) => `complete -c ${name} -n '${here}' -l ${flag.slice(2)}`),
      ];
    })
    .join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
