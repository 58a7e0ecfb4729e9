import type { TraceSummary } from "./trace_summary.ts";

/**
 * Reads the original's JSON.
 *
 * @throws {SyntaxError} if it is no JSON, or a field is missing or wrong; names the field
 */
export function parseSummary(text: string): TraceSummary {
  let summary: TraceSummary;
  try {
    summary = JSON.parse(text);
  } catch {
    throw new SyntaxError("Cannot read the trace as it is no JSON");
  }
  const traces = summary?.token_traces;
  if (!Array.isArray(traces) || traces.length === 0) {
    throw new SyntaxError("Cannot read the trace as it has no token_traces: make it with deno task trace");
  }
  if (!Number.isSafeInteger(summary.bytes_per_token) || summary.bytes_per_token < 1) {
    throw new SyntaxError(`Cannot read the trace as bytes_per_token is ${JSON.stringify(summary.bytes_per_token)}`);
  }
  if (summary.prompt_token_count !== traces.length) {
    throw new SyntaxError(
      `Cannot read the trace as it has ${traces.length} token_traces for ${summary.prompt_token_count} tokens`,
    );
  }
  traces.forEach((trace, index) => {
    if (trace?.index !== index || !Number.isFinite(trace.attention_received)) {
      throw new SyntaxError(`Cannot read the trace as token ${index} has no index or attention_received`);
    }
  });
  return summary;
}
