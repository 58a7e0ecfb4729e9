import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { hasCommand } from "../fixtures/has_command.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TERMINAL = fileURLToPath(new URL("../fixtures/terminal.py", import.meta.url));

const ignore = Deno.build.os === "windows" || !await hasCommand(["python3", "--version"]);

/** What stands before each line: readline's cursor movements aside, a prompt at the beginning of a line. */
const PROMPT = "> ";
const [CTRL_A, CTRL_C, CTRL_D, CTRL_E, UP, LEFT, TAB, ENTER] = ["\x01", "\x03", "\x04", "\x05", "\x1b[A", "\x1b[D"]
  .concat("\t", "\r");

/** What an answer says in its middle: keys do not wait for its end. */
const IN_ANSWER = "VAR";

/** Chats in a terminal: each step waits for a text and then presses keys. */
async function inTerminal(
  steps: readonly (readonly [awaited: string, keys: string])[],
  { args = [], env = {} }: { args?: readonly string[]; env?: Record<string, string> } = {},
): Promise<{ shown: string; code: number }> {
  const task = ["task", "--quiet", "chat", "--model", "tiny", ...args];
  // Keys wait for the prompt that follows a text: before it, the terminal is not readline's, and Ctrl-D is lost.
  const waiting = steps.flatMap(([awaited, keys]) =>
    awaited === PROMPT || awaited === IN_ANSWER ? [[awaited, keys]] : [[awaited, ""], [PROMPT, keys]]
  );
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: [TERMINAL, JSON.stringify(waiting), Deno.execPath(), ...task],
    cwd: ROOT,
    env: { TERM: "xterm", ...env },
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The questions that the answers are to, as `--json` tells them. */
const questions = (shown: string) =>
  [...shown.matchAll(/"question":("(?:[^"\\]|\\.)*")/g)].map(([, text]) => JSON.parse(text));

Deno.test({
  name: "chat in a terminal: a hint, lines edited by keys, earlier lines by the arrows, commands by the tab key",
  ignore,
  fn: async () => {
    const { shown, code } = await inTerminal([
      [PROMPT, `hat is it${CTRL_A}W${CTRL_E}?${ENTER}`],
      [" live", `And tha${LEFT}${LEFT}${LEFT}${CTRL_E}t?${ENTER}`],
      [" live", `${UP}${UP}${ENTER}`],
      [" live", `/st${TAB}${ENTER}`],
      ["rows a head", `/policy knor${TAB}${ENTER}`],
      ["knorm chooses what stays", CTRL_D],
    ], { args: ["--json", "--max-cache", "1MB", "--max-new-tokens", "6"] });
    assertEquals(code, 0, shown);
    assertEquals(questions(shown), ["What is it?", "And that?", "What is it?"]);
    assertMatch(shown, /10\.0 KiB of 976\.6 KiB live \(at most 10\.0 KiB\), 4 tokens\ntype a question, or \/help\n/);
    assert(shown.endsWith("\n"), shown);
  },
});

Deno.test({
  name: "chat in a terminal: Ctrl-C ends the answer, empties a line, and on an empty line ends the program",
  ignore,
  fn: async () => {
    const { shown, code } = await inTerminal([
      [PROMPT, `Count: 1, 2, 3, 4${ENTER}`],
      [IN_ANSWER, CTRL_C],
      [" live", `not this${CTRL_C}/stats${ENTER}`],
      ["rows a head", CTRL_C],
    ], { args: ["--max-new-tokens", "3000", "--max-cache", "200KB"] });
    assertEquals([code, shown.endsWith("\n")], [130, true], shown);
  },
});

Deno.test({
  name: "chat in a terminal: pasted lines are lines of their own, and the conversation is saved at its end",
  ignore,
  fn: async () => {
    await withFolder(async (path) => {
      const { shown, code } = await inTerminal([
        [PROMPT, `One?${ENTER}Two?${ENTER}Thr`],
        ['"question":"Two?"', `ee?${ENTER}`],
        ['"question":"Three?"', `/quit${ENTER}`],
      ], { args: ["--json", "--max-new-tokens", "6", "--save", path("talk")] });
      assertEquals(code, 0, shown);
      assertEquals(questions(shown), ["One?", "Two?", "Three?"]);
      assertStringIncludes(shown, `saved to ${path("talk")}\n`);
    });
  },
});

Deno.test({
  name: "chat in a terminal that can do nothing: no escapes, and the same answers",
  ignore,
  fn: async () => {
    const steps = [[PROMPT, `Who?${ENTER}`], [" live", `/quit${ENTER}`]] as const;
    const { shown, code } = await inTerminal(steps, {
      env: { TERM: "dumb", NO_COLOR: "1" },
      args: ["--json", "--max-new-tokens", "6"],
    });
    assertEquals([code, questions(shown), shown.includes("\x1b")], [0, ["Who?"], false], shown);
  },
});
