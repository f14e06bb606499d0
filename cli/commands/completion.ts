/** `bramble completion bash|zsh|fish`: a script that completes commands and options, made from what commander knows. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

interface Words {
  /** Names of commands up to here: `` for bramble itself, `rollout` for its own commands. */
  path: string;
  commands: readonly { name: string; description: string }[];
  options: readonly { flag: string; description: string }[];
}

export function printCompletion(context: Context, program: Command, shell: Shell): void {
  context.stdout.write(RENDER[shell](collect(program, '')));
}

function collect(command: Command, path: string): Words[] {
  const own: Words = {
    path,
    commands: command.commands.map((each) => ({ name: each.name(), description: each.description() })),
    options: command.options.map(({ long, short, description }) => ({ flag: long ?? short ?? '', description })),
  };
  return [
    own,
    ...command.commands.flatMap((each) => collect(each, path === '' ? each.name() : `${path} ${each.name()}`)),
  ];
}

const RENDER: Record<Shell, (all: readonly Words[]) => string> = { bash: renderBash, zsh: renderZsh, fish: renderFish };

function renderBash(all: readonly Words[]): string {
  return `# bramble completion bash > /etc/bash_completion.d/bramble
_bramble() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case $path in
${all.map(({ path, commands, options }) => `      ${quote(path)}) words=${quote([...commands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' '))}; break ;;`).join('\n')}
    esac
    # Names of objects are no commands.
    case $path in *' '*) path=\${path% *} ;; *) path='' ;; esac
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _bramble bramble
`;
}

function renderZsh(all: readonly Words[]): string {
  return `#compdef bramble
# bramble completion zsh > "\${fpath[1]}/_bramble"
autoload -U +X bashcompinit && bashcompinit
${renderBash(all)}`;
}

function renderFish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, commands, options }) => {
    const names = commands.map(({ name }) => name).join(' ');
    const inside = path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1)}`;
    const condition = path !== '' && names !== '' ? `${inside}; and not __fish_seen_subcommand_from ${names}` : inside;
    return [
      ...commands.map(
        ({ name, description }) => `complete -c bramble -f -n ${quote(condition)} -a ${name} -d ${quote(description)}`,
      ),
      ...options.map(
        ({ flag, description }) =>
          `complete -c bramble -n ${quote(inside)} -l ${flag.replace(/^-+/, '')} -d ${quote(description)}`,
      ),
    ];
  });
  return `# bramble completion fish > ~/.config/fish/completions/bramble.fish\n${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
