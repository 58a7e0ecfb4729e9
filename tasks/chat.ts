/** `deno task chat`: a conversation from line to line, over a cache that stays within its bytes. */
import { cacheDtypeName, Chat, type Model } from "kvmirror/engine";
import { fileSize, isFolder } from "../lib/files/exists.ts";
import { type ChatCommand, chatStatus, completedCommand, parseChatCommand, runChatCommand } from "./chat/commands.ts";
import type { LivePage } from "./chat/inspect.ts";
import { editedLines, inputLines, TurnInterrupt } from "./chat/terminal.ts";
import { cacheDtypeFromFlags, maxNewTokensFromFlags } from "./cli/cache_flags.ts";
import { byteSize, textFromFlag, usage } from "./cli/flags.ts";
import { modelFromFlags, userTokensFromFlags } from "./cli/model_flags.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { policyFromFlags } from "./cli/policy_flags.ts";
import { createProgress, type Progress } from "./cli/progress.ts";
import { printForPeople, printJson, printNotice, writeText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

/** What stands before a line that somebody types. */
const PROMPT = "> ";

await runTask("chat", async (flags) => {
  const policy = policyFromFlags(flags, await policiesOfFiles(flags.text("policy")));
  const size = flags.text("max-cache");
  if (size === undefined && flags.given("policy")) {
    throw new UsageError("Cannot choose what stays by --policy as nothing is evicted: give --max-cache as well");
  }
  const maxBytes = size === undefined ? undefined : byteSize("max-cache", size);
  const maxNewTokens = maxNewTokensFromFlags(flags);
  if (flags.text("system") !== undefined && flags.text("system-file") !== undefined) {
    throw new UsageError("Cannot give two system prompts: leave out --system or --system-file");
  }
  const system = flags.text("system") ?? textFromFlag(flags, "system-file");
  const cacheDtype = cacheDtypeFromFlags(flags);
  const specialTokens = userTokensFromFlags(flags);
  const [load, save] = [flags.text("load"), flags.text("save")];
  if (load !== undefined && cacheDtype !== undefined) {
    throw new UsageError(
      "Cannot hold a loaded conversation's --cache-dtype otherwise as its file says how: leave out one",
    );
  }
  if (load !== undefined && fileSize(load) === undefined) {
    throw new UsageError(`Cannot load ${load} as there is no such file`);
  }
  if (save !== undefined && isFolder(save)) throw new UsageError(`Cannot save to ${save} as it is a folder`);

  const port = flags.number("inspect-port")!;
  if (!(port >= 0 && port <= 65_535)) {
    throw new UsageError(`Cannot use --inspect-port ${port} as it must be in [0, 65535]`);
  }
  if (flags.given("inspect-port") && !flags.toggle("inspect")) {
    throw new UsageError("Cannot use --inspect-port as no page is asked for: give --inspect as well");
  }

  await using page = flags.toggle("inspect") ? await livePage(port) : undefined;

  const interrupt = await TurnInterrupt.open();
  await using model = await modelFromFlags(flags);
  // What is wrong here is a flag or the file that it names.
  const refuse = (error: unknown) =>
    usage((): never => {
      throw error;
    });
  const cache = load === undefined ? undefined : await model.loadCache(load).catch(refuse);
  const reading = createProgress("reading");
  const onProgress = (read: number, total: number) => {
    reading.update(read, total);
    page?.show("soon");
  };
  const notes = { onProgress, onNotice: printNotice };
  const options = { policy, maxBytes, cacheDtype, system, cache, maxNewTokens, specialTokens, ...notes };
  const chat = await Chat.open(model, options).catch(refuse).finally(reading.close);
  const json = flags.toggle("json");
  page?.follow(chat, model);
  const status = () => printNotice(chatStatus(chat, maxBytes));
  status();
  let failed = false;
  for await (const line of linesOf(interrupt)) {
    if (line.trim() === "") continue;
    try {
      const command = parseChatCommand(line);
      if (command?.name === "quit") break;
      if (command !== undefined) await obey(chat, command, maxBytes);
      else {
        await answer(chat, line.replace(/^\/\//, "/"), {
          model,
          json,
          maxBytes,
          reading,
          page,
          signal: interrupt.beginTurn(),
        });
        status();
      }
    } catch (error) {
      failed = true;
      printNotice(`error: ${error instanceof Error ? error.message : error}`);
    } finally {
      reading.close();
      interrupt.endTurn();
      page?.show("now");
    }
  }
  if (save !== undefined) await obey(chat, { name: "save", value: save }, maxBytes);
  // A script wants to know; someone who reads along has seen it.
  if (failed && !Deno.stdin.isTerminal()) Deno.exitCode = 1;
});

/** Charts bring in what warns on stderr: only a page needs them. */
async function livePage(port: number): Promise<LivePage> {
  const { serveChat } = await import("./chat/inspect.ts");
  const page = serveChat(port);
  printNotice(`the cache is shown at ${page.address}`);
  return page;
}

/** Lines of a script as they come, and of somebody at a terminal as they are typed. */
function linesOf(interrupt: TurnInterrupt): AsyncIterable<string> {
  const ask = () => writeText(Deno.stderr, PROMPT);
  if (!Deno.stdin.isTerminal()) return inputLines(Deno.stdin, ask);
  printNotice("type a question, or /help");
  if (!Deno.stderr.isTerminal() || Deno.env.get("TERM") === "dumb") return inputLines(Deno.stdin, ask);
  const onInterrupt = () => interrupt.end("SIGINT");
  return editedLines({ prompt: PROMPT, complete: completedCommand, onInterrupt });
}

async function obey(chat: Chat, command: ChatCommand, maxBytes: number | undefined): Promise<void> {
  printNotice(await runChatCommand(chat, command, maxBytes));
}

/** How an answer is printed. */
interface AnswerOptions {
  readonly model: Model;
  readonly json: boolean;
  readonly maxBytes: number | undefined;
  readonly reading: Progress;
  /** The page that follows the conversation, where one does. */
  readonly page: LivePage | undefined;
  readonly signal: AbortSignal;
}

async function answer(chat: Chat, question: string, options: AnswerOptions): Promise<void> {
  const { model, json, maxBytes, reading, page, signal } = options;
  const ids: number[] = [];
  let text = "";
  try {
    for await (const token of chat.ask(question, { signal })) {
      reading.close();
      page?.show("soon");
      ids.push(token.id);
      text += token.text;
      if (!json) printForPeople(Deno.stdout, token.text);
    }
  } finally {
    if (!json && ids.length > 0) writeText(Deno.stdout, "\n");
  }
  if (!json) return;
  const { cache, policy, peakBytes, turns } = chat;
  printJson(
    {
      turn: turns,
      question,
      text,
      ids,
      interrupted: signal.aborted,
      tokens: cache.tokenCount,
      live_bytes: cache.liveBytes,
      peak_bytes: peakBytes,
      full_bytes: cache.fullBytes,
      max_cache: maxBytes ?? null,
      policy: policy.name,
      cache_dtype: cacheDtypeName(cache.cacheDtype),
      model: model.origin.name,
      weights: model.origin.weights,
    },
    "a line",
  );
}
