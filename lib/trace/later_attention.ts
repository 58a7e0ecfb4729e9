import type { TraceSummary } from "./trace_summary.ts";

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
