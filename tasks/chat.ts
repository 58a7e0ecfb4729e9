/** `deno task chat`: a conversation from line to line, over a cache that stays within its bytes. */
import { cacheDtypeName, Chat, type Model } from "kvmirror/engine";
import { fileSize, isFolder } from "../lib/files/exists.ts";
import { type ChatCommand, chatStatus, parseChatCommand, runChatCommand } from "./chat/commands.ts";
import { inputLines, TurnInterrupt } from "./chat/terminal.ts";
import { CACHE_DTYPE_FLAGS, cacheDtypeFromFlags } from "./cli/cache_flags.ts";
import { byteSize, parseFlags, textFromFlag, usage } from "./cli/flags.ts";
import { MODEL_FLAGS, modelFromFlags, TEMPLATE_FLAGS } from "./cli/model_flags.ts";
import { policyFromFlags } from "./cli/policy_flags.ts";
import { printNotice, runTask, UsageError, writeText } from "./cli/run_task.ts";

await runTask(async () => {
  const flags = parseFlags(Deno.args, {
    text: [...MODEL_FLAGS, "policy", "max-cache", "system", "system-file", "load", "save", ...CACHE_DTYPE_FLAGS.text],
    integer: ["max-new-tokens", ...CACHE_DTYPE_FLAGS.integer],
    toggle: ["json"],
    repeated: TEMPLATE_FLAGS,
  });
  if (flags.positional.length > 0) {
    throw new UsageError(`Cannot use ${flags.positional[0]}: ask on standard input, a question a line`);
  }
  const policy = policyFromFlags(flags, "snapkv");
  const size = flags.text("max-cache");
  const maxBytes = size === undefined ? undefined : byteSize("max-cache", size);
  const maxNewTokens = flags.number("max-new-tokens") ?? 256;
  if (maxNewTokens < 1) throw new UsageError(`Cannot generate ${maxNewTokens} tokens: --max-new-tokens is at least 1`);
  if (flags.text("system") !== undefined && flags.text("system-file") !== undefined) {
    throw new UsageError("Cannot give two system prompts: leave out --system or --system-file");
  }
  const system = flags.text("system") ?? textFromFlag(flags, "system-file");
  const cacheDtype = cacheDtypeFromFlags(flags);
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

  const interrupt = new TurnInterrupt();
  await using model = await modelFromFlags(flags);
  const cache = load === undefined ? undefined : await model.loadCache(load);
  const options = { policy, maxBytes, cacheDtype, system, cache, maxNewTokens, onNotice: printNotice };
  const chat = await Chat.open(model, options).catch((error) =>
    usage((): Chat => {
      throw error;
    })
  );
  const json = flags.toggle("json");
  const status = () => printNotice(chatStatus(chat, maxBytes));
  status();
  let failed = false;
  for await (const line of inputLines(Deno.stdin, () => writeText(Deno.stderr, "> "))) {
    if (line.trim() === "") continue;
    try {
      const command = parseChatCommand(line);
      if (command?.name === "quit") break;
      if (command !== undefined) await obey(chat, command, maxBytes);
      else {
        await answer(chat, line.replace(/^\/\//, "/"), { model, json, maxBytes, signal: interrupt.begin() });
        status();
      }
    } catch (error) {
      failed = true;
      printNotice(`error: ${error instanceof Error ? error.message : error}`);
    } finally {
      interrupt.end();
    }
  }
  if (save !== undefined) await obey(chat, { name: "save", value: save }, maxBytes);
  // A script wants to know; someone who reads along has seen it.
  if (failed && !Deno.stdin.isTerminal()) Deno.exitCode = 1;
});

async function obey(chat: Chat, command: ChatCommand, maxBytes: number | undefined): Promise<void> {
  printNotice(await runChatCommand(chat, command, maxBytes));
}

/** How an answer is printed. */
interface AnswerOptions {
  readonly model: Model;
  readonly json: boolean;
  readonly maxBytes: number | undefined;
  readonly signal: AbortSignal;
}

async function answer(chat: Chat, question: string, { model, json, maxBytes, signal }: AnswerOptions): Promise<void> {
  const ids: number[] = [];
  let text = "";
  try {
    for await (const token of chat.ask(question, { signal })) {
      ids.push(token.id);
      text += token.text;
      if (!json) writeText(Deno.stdout, Deno.stdout.isTerminal() ? printable(token.text) : token.text);
    }
  } finally {
    if (!json && ids.length > 0) writeText(Deno.stdout, "\n");
  }
  if (!json) return;
  const { cache, policy, peakBytes, turns } = chat;
  writeText(
    Deno.stdout,
    `${
      JSON.stringify({
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
      })
    }\n`,
  );
}

/** Text without control characters: a model may say anything, and a terminal would obey. */
function printable(text: string): string {
  return text.replaceAll(/(?![\n\t])\p{Cc}/gu, "");
}
