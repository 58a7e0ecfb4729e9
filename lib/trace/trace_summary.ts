import { parseJson } from "../files/json_object.ts";
import { quoted } from "../files/quoted.ts";
import type { TraceReading } from "./read_trace.ts";
import type { TraceHeader } from "./trace_header.ts";

/** Where a token stands in the prompt: among the first 16, the last 16, or between. */
export type PromptRole = "sink" | "recent_context" | "content";

const ROLES: readonly unknown[] = ["sink", "recent_context", "content"] satisfies PromptRole[];

/** One prompt token of the original's trace. */
export interface TokenTrace {
  /** Its place in the prompt. */
  readonly index: number;
  /** The token as the vocabulary spells it. */
  readonly token_text: string;
  /** Attention from all steps: sum over steps and layers of the mean over heads. */
  readonly attention_received: number;
  /** The same number: the original writes it twice. */
  readonly generated_attention_received: number;
  /** Where it stands in the prompt. */
  readonly prompt_role: PromptRole;
}

/** The original's trace, as its JSON has it (github.com/0xAshraFF/KVMirror). */
export interface TraceSummary {
  /** The model's name. */
  readonly model_name: string;
  /** Tokens of the prompt. */
  readonly prompt_token_count: number;
  /** Steps that were added up. */
  readonly generated_token_count: number;
  /** Cache bytes of one token over all layers and heads, at 2 bytes a value. */
  readonly bytes_per_token: number;
  /** The prompt's tokens in order. */
  readonly token_traces: readonly TokenTrace[];
}

/** Adds steps up, one at a time. */
export class TraceTotals {
  /** What the trace says of its model and prompt. */
  readonly header: TraceHeader;
  /** Sum over the steps, `[layers · kv heads, prompt tokens]`. */
  readonly headAttention: Float64Array;
  #steps = 0;

  /** Starts at zero. */
  constructor(header: TraceHeader) {
    this.header = header;
    this.headAttention = new Float64Array(header.layer_count * header.kv_head_count * header.prompt_token_count);
  }

  /** Adds a step. */
  add(step: ArrayLike<number>): void {
    for (let index = 0; index < this.headAttention.length; index++) this.headAttention[index] += step[index];
    this.#steps++;
  }

  /** The original's summary of the steps so far. */
  summary(): TraceSummary {
    const { header } = this;
    const all = tokenAttention(header, this.headAttention);
    return {
      model_name: header.model_name,
      prompt_token_count: header.prompt_token_count,
      generated_token_count: this.#steps,
      bytes_per_token: header.bytes_per_token,
      token_traces: header.token_texts.map((text, index) => ({
        index,
        token_text: text,
        attention_received: all[index],
        generated_attention_received: all[index],
        prompt_role: promptRole(index, header.prompt_token_count),
      })),
    };
  }
}

/** Reads a whole trace and adds it up; holds one step at a time. */
export function summarizeTrace(reading: TraceReading): TraceTotals {
  const totals = new TraceTotals(reading.header);
  for (const step of reading.steps()) totals.add(step);
  return totals;
}

/** A token's place in the prompt; of a short prompt's overlapping ends the first counts. */
export function promptRole(index: number, count: number): PromptRole {
  if (index < EDGE_TOKENS) return "sink";
  return index >= count - EDGE_TOKENS ? "recent_context" : "content";
}

/** Sum over the layers of the mean over the heads: `[prompt tokens]`. */
function tokenAttention(header: TraceHeader, perHead: ArrayLike<number>): Float64Array {
  const tokens = header.prompt_token_count;
  const sums = new Float64Array(tokens);
  for (let index = 0; index < perHead.length; index++) sums[index % tokens] += perHead[index] / header.kv_head_count;
  return sums;
}

/** Tokens at either end of a prompt that repeat what every prompt has. */
const EDGE_TOKENS = 16;

/** Novelty as the original's replay has it: 1 for content, 0.4 for the first and last 16 tokens. */
export function tokenNovelty(position: number, tokenCount: number): number {
  return position < EDGE_TOKENS || position >= tokenCount - EDGE_TOKENS ? 0.4 : 1;
}

function isAttention(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

/**
 * Reads the original's JSON.
 *
 * @throws {SyntaxError} if it is no JSON, or a field is missing or wrong; names the field
 */
export function parseSummary(text: string): TraceSummary {
  const summary = parseJson(text, "the trace") as TraceSummary;
  const traces = summary?.token_traces;
  if (!Array.isArray(traces) || traces.length === 0) {
    throw new SyntaxError("Cannot read the trace as it has no token_traces: make it with deno task trace");
  }
  if (!Number.isSafeInteger(summary.bytes_per_token) || summary.bytes_per_token < 1) {
    throw new SyntaxError(`Cannot read the trace as bytes_per_token is ${quoted(summary.bytes_per_token)}`);
  }
  if (summary.prompt_token_count !== traces.length) {
    throw new SyntaxError(
      `Cannot read the trace as it has ${traces.length} token_traces for ${quoted(summary.prompt_token_count)} tokens`,
    );
  }
  if (typeof summary.model_name !== "string") throw new SyntaxError("Cannot read the trace as model_name is no text");
  if (!Number.isSafeInteger(summary.generated_token_count) || summary.generated_token_count < 0) {
    throw new SyntaxError(
      `Cannot read the trace as generated_token_count is ${quoted(summary.generated_token_count)}: it must be a count`,
    );
  }
  traces.forEach((trace, index) => {
    if (trace?.index !== index || !isAttention(trace.attention_received)) {
      throw new SyntaxError(`Cannot read the trace as token ${index} has no index or attention_received`);
    }
    if (typeof trace.token_text !== "string" || !ROLES.includes(trace.prompt_role)) {
      throw new SyntaxError(`Cannot read the trace as token ${index} has no token_text or prompt_role`);
    }
  });
  return summary;
}

/**
 * The attention that a prompt's tokens receive after the prompt has been read, `[tokens]`: all steps of `whole` less
 * those of `start`, a shorter trace of the same prompt. With a `start` of one step, what a policy can rank by at the
 * prompt's end is in `start` and what generation then looks at is in the difference: a target that no policy has seen.
 *
 * @throws {RangeError} if the two traces are not of one prompt and model, or `start` is not the shorter
 */
export function laterAttention(whole: TraceSummary, start: TraceSummary): Float64Array<ArrayBuffer> {
  const same = whole.model_name === start.model_name && whole.prompt_token_count === start.prompt_token_count &&
    whole.token_traces.every(({ token_text }, index) => token_text === start.token_traces[index].token_text);
  if (!same) throw new RangeError("Cannot tell later attention as the two traces are not of one prompt and model");
  if (start.generated_token_count >= whole.generated_token_count) {
    throw new RangeError(
      `Cannot tell the attention after ${start.generated_token_count} steps from a trace of ${whole.generated_token_count}`,
    );
  }
  return Float64Array.from(
    whole.token_traces,
    ({ attention_received }, index) => attention_received - start.token_traces[index].attention_received,
  );
}
