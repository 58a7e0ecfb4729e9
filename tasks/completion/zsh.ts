import type { CompletedTask } from "./completions.ts";
import { IN_CHECKOUT, lookUp, quoted } from "./table.ts";

/** A script that has zsh complete `deno task` in this project; elsewhere, deno's own completion goes on. */
export function zshScript(tasks: readonly CompletedTask[]): string {
  const described = (name: string, meaning: string) => quoted(`${name.replaceAll(":", "\\:")}:${meaning}`);
  const names = tasks.map(({ name, description }) => described(name, description));
  const flags = tasks.map(({ name, flags }) =>
    `    ${quoted(name)}) flags=(${flags.map((flag) => described(`--${flag.name}`, flag.meaning)).join(" ")}) ;;`
  );
  return `# Completion of KVMirror's tasks: eval "$(deno task --quiet completion zsh)" after compinit in ~/.zshrc.
${IN_CHECKOUT}

${lookUp(tasks)}

_kvmirror_flags() {
  case $1 in
${flags.join("\n")}
  esac
}

_kvmirror() {
  local task='' at=3 fits paths list
  local -a flags names
  while [[ $at -lt $CURRENT && \${words[at]} == -* ]]; do ((at++)); done
  if [[ $CURRENT -lt 3 || \${words[2]} != task || ( $at -eq $CURRENT && \${words[at]} == -* ) ]] || ! _kvmirror_in_checkout; then
    whence _deno > /dev/null && _deno "$@"
    return
  fi
  if [[ $at -eq $CURRENT ]]; then
    names=(${names.join(" ")})
    _describe -t tasks task names
    return
  fi
  task=\${words[at]}
  if [[ $PREFIX == --*=* ]]; then
    _kvmirror_fits "$task" "\${PREFIX%%=*}" || return
    compset -P '--*='
  elif [[ \${words[CURRENT-1]} == --* ]] && _kvmirror_fits "$task" "\${words[CURRENT-1]}"; then
    :
  elif [[ $PREFIX == -* ]]; then
    _kvmirror_flags "$task"
    _describe -o -t flags flag flags
    return
  else
    _kvmirror_fits "$task"
  fi
  [[ -n $list ]] && compset -P '*,'
  [[ -n $fits ]] && compadd -- \${=fits}
  case $paths in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
compdef _kvmirror deno
`;
}
