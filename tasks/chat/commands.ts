import { cacheDtypeName, type Chat, isFloat32 } from "kvmirror/engine";
import { policy, policyNames } from "kvmirror/policies";
import { nearestName } from "../../lib/numeric/nearest_name.ts";
import { bytes } from "../../lib/report/table/number_format.ts";
import { policiesOfFiles } from "../cli/policy_file.ts";

/** What can be typed besides questions, and what it does. */
const COMMANDS = {
  rewind: "/rewind [n]     takes the last n turns back, one by default",
  policy: "/policy NAME    has another policy choose what stays",
  stats: "/stats          bytes, rows and turns",
  save: "/save FILE      writes the conversation to a file; --load goes on with it",
  help: "/help           this",
  quit: "/quit           ends, as the end of the input does",
} as const;

/** A command that was typed. */
export interface ChatCommand {
  readonly name: keyof typeof COMMANDS;
  /** What stood after it; empty if nothing did. */
  readonly value: string;
}

/**
 * Reads a line that begins with one slash; any other is a question, one with two slashes too.
 *
 * @throws {RangeError} if there is no such command
 */
export function parseChatCommand(line: string): ChatCommand | undefined {
  const [, word, value] = /^\/(?!\/)(\S*)\s*(.*?)\s*$/.exec(line) ?? [];
  if (word === undefined) return undefined;
  const names = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
  const name = names.find((known) => known === word);
  if (name !== undefined) return { name, value };
  const near = nearestName(word, names);
  const hint = near === undefined ? "" : `did you mean /${near}? `;
  throw new RangeError(
    `Cannot do /${word}: ${hint}The commands are ${names.map((known) => `/${known}`).join(", ")}`,
  );
}

/** The commands, or after `/policy ` the policies, that begin as what is typed so far. */
export function completedCommand(typed: string): string[] {
  const known = typed.startsWith("/policy ")
    ? policyNames().map((name) => `/policy ${name}`)
    : Object.keys(COMMANDS).map((name) => `/${name} `);
  return typed.startsWith("/") ? known.filter((line) => line.startsWith(typed)) : [];
}

/**
 * Does what was typed, and says so.
 *
 * @throws {RangeError} if it cannot be done; the conversation is as it was
 */
export async function runChatCommand(
  chat: Chat,
  { name, value }: ChatCommand,
  maxBytes: number | undefined,
): Promise<string> {
  switch (name) {
    case "rewind": {
      if (!/^\d*$/.test(value)) throw new RangeError(`Cannot take back ${value} turns: write /rewind or /rewind 2`);
      chat.rewind(value === "" ? 1 : Number(value));
      return `back at turn ${chat.turns}; ${chatStatus(chat, maxBytes)}`;
    }
    case "policy":
      if (value === "") throw new RangeError("Cannot take a policy without a name: write /policy snapkv");
      chat.usePolicy(policy(value, {}, await policiesOfFiles(value)));
      return `${chat.policy.name} chooses what stays`;
    case "stats":
      return stats(chat, maxBytes);
    case "save":
      if (value === "") throw new RangeError("Cannot save to no file: write /save FILE");
      await chat.save(value);
      return `saved to ${value}`;
    default:
      return Object.values(COMMANDS).join("\n");
  }
}

function stats(chat: Chat, maxBytes: number | undefined): string {
  const { cache, turns } = chat;
  const { layerCount, kvHeadCount } = cache.shape;
  const rows = Array.from(
    { length: layerCount * kvHeadCount },
    (_, index) => cache.rowCount(Math.floor(index / kvHeadCount), index % kvHeadCount),
  );
  const pinned = cache.pins.reduce((sum, { start, end }) => sum + end - start, 0);
  return [
    chatStatus(chat, maxBytes),
    `${bytes(cache.allocatedBytes)} allocated; policy ${chat.policy.name}; ${turns} turn${turns === 1 ? "" : "s"}`,
    `rows a head: ${Math.min(...rows)} to ${Math.max(...rows)}, ${pinned} of them pinned`,
  ].join("\n");
}

/** One line: how much memory the cache holds, of how much. */
export function chatStatus({ cache, policy, peakBytes }: Chat, maxBytes: number | undefined): string {
  const most = maxBytes === undefined ? "" : ` of ${bytes(maxBytes)}`;
  const without = isFloat32(cache.cacheDtype) ? policy.name : `${policy.name} and ${cacheDtypeName(cache.cacheDtype)}`;
  const evicted = cache.liveBytes < cache.fullBytes ? `, ${bytes(cache.fullBytes)} without ${without}` : "";
  return `${bytes(cache.liveBytes)}${most} live (at most ${bytes(peakBytes)})${evicted}, ${cache.tokenCount} tokens`;
}
