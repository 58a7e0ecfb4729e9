import { assertEquals, assertThrows } from "@std/assert";
import { laterAttention, type TraceSummary } from "kvmirror";

function trace(steps: number, attention: readonly number[], text = "a"): TraceSummary {
  return {
    model_name: "m",
    prompt_token_count: attention.length,
    generated_token_count: steps,
    bytes_per_token: 8,
    token_traces: attention.map((attention_received, index) => ({
      index,
      token_text: text,
      attention_received,
      generated_attention_received: attention_received,
      prompt_role: "content",
    })),
  };
}

Deno.test("laterAttention is what the further steps added", () => {
  assertEquals(laterAttention(trace(3, [1, 0.75, 0]), trace(1, [0.5, 0.5, 0])), Float64Array.of(0.5, 0.25, 0));
});

Deno.test("laterAttention refuses traces of two prompts, and a start that is as long as the whole", () => {
  const refuse = (start: TraceSummary, message: string): unknown =>
    assertThrows(() => laterAttention(trace(3, [1, 0]), start), RangeError, message);
  refuse(trace(1, [1]), "not of one prompt and model");
  refuse(trace(1, [1, 0], "b"), "not of one prompt and model");
  refuse(trace(3, [1, 0]), "Cannot tell the attention after 3 steps from a trace of 3");
});
