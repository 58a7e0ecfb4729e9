import type { CompletedTask } from "./completions.ts";
import { IN_CHECKOUT, lookUp } from "./table.ts";

/** A script that has bash complete `deno task` in this project; elsewhere, deno's own completion goes on. */
export function bashScript(tasks: readonly CompletedTask[]): string {
  return `# Completion of KVMirror's tasks: eval "$(deno task --quiet completion bash)" in ~/.bashrc.
${IN_CHECKOUT}

${lookUp(tasks)}

# What completed deno before.
[[ $(complete -p deno 2>/dev/null) =~ -F\\ ([^ ]+) && \${BASH_REMATCH[1]} != _kvmirror ]] && _kvmirror_before=\${BASH_REMATCH[1]}

_kvmirror() {
  local line=\${COMP_LINE:0:COMP_POINT} typed current before='' task='' at=2 fits paths list
  read -ra typed <<< "$line"
  [[ $line == *[[:space:]] ]] && typed+=('')
  local last=$((\${#typed[@]} - 1))
  while [[ $at -lt $last && \${typed[at]} == -* ]]; do ((at++)); done
  if [[ $last -lt 2 || \${typed[1]} != task || ( $at -eq $last && \${typed[last]} == -* ) ]] || ! _kvmirror_in_checkout; then
    [[ -n $_kvmirror_before ]] && "$_kvmirror_before" "$@"
    return
  fi
  current=\${typed[last]}
  COMPREPLY=()
  if [[ $at -eq $last ]]; then
    _kvmirror_fits
  else
    task=\${typed[at]}
    if [[ $current == --*=* ]]; then
      _kvmirror_fits "$task" "\${current%%=*}" || return
      before=\${current%%=*}=
    elif [[ \${typed[last-1]} == --* ]] && _kvmirror_fits "$task" "\${typed[last-1]}"; then
      :
    elif [[ $current == -* ]]; then
      _kvmirror_fits "$task" -
    else
      _kvmirror_fits "$task"
    fi
  fi
  local value=\${current#"$before"} begun=''
  [[ -n $list && $value == *,* ]] && begun=\${value%,*},
  # One candidate a line: a path may have spaces.
  local IFS=$'\\n'
  COMPREPLY=($(IFS=' '; compgen -W "$fits" -- "\${value#"$begun"}"))
  case $paths in
    files) COMPREPLY+=($(compgen -f -- "\${value#"$begun"}")); compopt -o filenames ;;
    folders) COMPREPLY+=($(compgen -d -- "\${value#"$begun"}")); compopt -o filenames ;;
  esac 2>/dev/null
  COMPREPLY=("\${COMPREPLY[@]/#/$before$begun}")
  # What stands before the last character that ends a word for readline stays as it is.
  local word=$current end=''
  for ((at = \${#word} - 1; at >= 0; at--)); do
    [[ $COMP_WORDBREAKS == *"\${word:at:1}"* ]] && { end=\${word:0:at + 1}; break; }
  done
  COMPREPLY=("\${COMPREPLY[@]#"$end"}")
}
complete -F _kvmirror deno
`;
}
