import type { CompletedTask, Completion } from "./completions.ts";

/** A text as one word of a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The function by which bash and zsh look up what fits: `_kvmirror_fits TASK [--FLAG]` sets `fits`, `paths` and `list`. */
export function lookUp(tasks: readonly CompletedTask[]): string {
  const cases = new Map<string, string[]>();
  const add = (place: string, what: string) => cases.set(what, [...cases.get(what) ?? [], quoted(place)]);
  add("", assignments({ words: tasks.map(({ name }) => name), list: false }));
  for (const { name: task, flags, words } of tasks) {
    add(task, assignments(words));
    add(`${task} -`, assignments({ words: flags.map(({ name }) => `--${name}`), list: false }));
    for (const { name, takes } of flags) if (takes !== "nothing") add(`${task} --${name}`, assignments(takes));
  }
  const lines = [...cases].map(([what, places]) => `    ${places.join("|")}) ${what} ;;`);
  return `_kvmirror_fits() {
  fits='' paths='' list=''
  case "$1\${2:+ $2}" in
${lines.join("\n")}
    *) return 1 ;;
  esac
}`;
}

function assignments({ words, paths, list }: Completion): string {
  return `fits=${quoted(words.join(" "))} paths=${quoted(paths ?? "")} list=${quoted(list ? "," : "")}`;
}

/** The function that says whether the working folder is in this project. */
export const IN_CHECKOUT = `_kvmirror_in_checkout() {
  local folder=$PWD
  while [[ -n $folder && ! -f $folder/deno.json ]]; do folder=\${folder%/*}; done
  [[ -n $folder ]] && grep -q '"name": "@kvmirror/kvmirror"' "$folder/deno.json"
}`;
