import type { CompletedTask, Completion } from "./completions.ts";

/** A script that has fish complete `deno task` in this project. */
export function fishScript(tasks: readonly CompletedTask[]): string {
  const lines = tasks.flatMap(({ name: task, description, flags, words }) => [
    `complete -c deno -n __kvmirror_no_task -f -a ${quoted(task)} -d ${quoted(description)}`,
    `complete -c deno -n ${quoted(`__kvmirror_task ${task}`)} ${offered(words)}`,
    ...flags.map(({ name, meaning, takes }) =>
      [
        `complete -c deno -n ${quoted(`__kvmirror_task ${task}`)} -l ${name} -d ${quoted(meaning)}`,
        ...(takes === "nothing" ? [] : ["-r", offered(takes)]),
      ].join(" ")
    ),
  ]);
  return `# Completion of KVMirror's tasks: deno task --quiet completion fish | source, in ~/.config/fish/config.fish.
function __kvmirror_words -d 'The words after deno task; fails elsewhere, and outside this project'
    set -l typed (commandline -opc)
    test (count $typed) -ge 2; and test "$typed[2]" = task; or return 1
    set -l folder $PWD
    while test -n "$folder"; and not test -f "$folder/deno.json"
        set folder (string replace -r '/[^/]*$' '' -- $folder)
    end
    test -n "$folder"; and grep -q '"name": "@kvmirror/kvmirror"' "$folder/deno.json"; or return 1
    set -e typed[1..2]
    string match -v -- '-*' $typed
    return 0
end

function __kvmirror_no_task
    set -l typed (__kvmirror_words); or return 1
    test (count $typed) -eq 0
end

function __kvmirror_task
    set -l typed (__kvmirror_words); or return 1
    test "$typed[1]" = $argv[1]
end

function __kvmirror_list -d 'Words, each after what stands before the last comma'
    set -l value (commandline -ct | string replace -r '^--[^=]*=' '')
    set -l begun (string match -r '^.*,' -- $value)
    for word in $argv
        echo $begun$word
    end
end

function __kvmirror_listed_paths -d 'Paths after the last comma: fish itself completes one at the beginning'
    set -l value (commandline -ct | string replace -r '^--[^=]*=' '')
    set -l begun (string match -r '^.*,' -- $value); or return
    for path in (string replace -r '^.*,' '' -- $value)*
        echo $begun$path
    end
end

${lines.join("\n")}
`;
}

/** What may stand there, as options of fish's `complete`. */
function offered({ words, paths, list }: Completion): string {
  const more = paths === "files" ? "; __kvmirror_listed_paths" : "";
  const argument = list ? `(__kvmirror_list ${words.join(" ")}${more})` : words.join(" ");
  const given = words.length === 0 ? [] : ["-a", quoted(argument)];
  if (paths === "folders") return ["-f", "-a", quoted("(__fish_complete_directories (commandline -ct))")].join(" ");
  return [paths === "files" ? "-F" : "-f", ...given].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
