import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseSummary, summarizeTrace, type TraceHeader } from "kvmirror";
import { Buffer } from "node:buffer";
import { encodeFooter, encodeHeader, encodeStep } from "../../lib/trace/encode_trace.ts";
import { type ByteReader, readTrace } from "../../lib/trace/read_trace.ts";
import { TraceTotals } from "../../lib/trace/trace_summary.ts";

const HEADER: TraceHeader = {
  model_name: "made up",
  prompt_token_count: 3,
  layer_count: 2,
  kv_head_count: 2,
  bytes_per_token: 64,
  token_texts: ["a", "\u0120b", "\u{1f600}"],
};
const STEPS = [1, 10].map((scale) => Float32Array.from({ length: 12 }, (_, index) => index * scale));

function reader(bytes: Uint8Array): ByteReader {
  let at = 0;
  return {
    get left(): number {
      return bytes.length - at;
    },
    read: (length) => bytes.slice(at, at += length),
  };
}

function file(header: TraceHeader = HEADER): Uint8Array {
  const footer = { generated_token_count: 2, generated_ids: [7, 8] };
  return Buffer.concat([encodeHeader(header), ...STEPS.map((step) => encodeStep(header, step)), encodeFooter(footer)]);
}

Deno.test("what is written is read back, step by step", () => {
  const { header, steps } = readTrace(reader(file()));
  assertEquals(header, HEADER);
  const read = [...steps()];
  assertEquals(read, STEPS);
});

Deno.test("the summary is the sum over steps and layers of the mean over heads, computed by hand", () => {
  const { token_traces, generated_token_count } = summarizeTrace(readTrace(reader(file()))).summary();
  assertEquals(generated_token_count, 2);
  // Token 0 holds 0, 3, 6, 9 in the first step: (0 + 3) / 2 + (6 + 9) / 2 = 9, and ten times that in the second.
  assertEquals(token_traces.map(({ attention_received }) => attention_received), [99, 121, 143]);
  assertEquals(token_traces[0].prompt_role, "sink");
});

Deno.test("every truncation is refused, and a step of the wrong size is never written", () => {
  const whole = file();
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => summarizeTrace(readTrace(reader(whole.slice(0, length)))), SyntaxError, "Cannot read the trace");
  }
  assertThrows(() => encodeStep(HEADER, new Float32Array(5)), TypeError, "Cannot write a step of 5 values");
});

Deno.test("another version, another file, trailing bytes, a count that is wrong or a hostile length are refused", () => {
  const changed = (change: (view: DataView, bytes: Uint8Array) => void) => {
    const bytes = file();
    change(new DataView(bytes.buffer), bytes);
    return () => summarizeTrace(readTrace(reader(bytes)));
  };
  assertThrows(changed((view) => view.setUint32(8, 2, true)), SyntaxError, "version 2: this program reads version 1");
  assertThrows(changed((_, bytes) => bytes[0] = 0), SyntaxError, "does not begin like one");
  assertThrows(changed((view) => view.setUint32(12, 0xffffffff, true)), SyntaxError, "would take 4294967295 bytes");
  assertThrows(
    () => summarizeTrace(readTrace(reader(Uint8Array.of(...file(), 0)))),
    SyntaxError,
    "1 bytes follow its end",
  );
  const none = encodeHeader({ ...HEADER, token_texts: [] });
  assertThrows(() => readTrace(reader(none)), SyntaxError, "0 token_texts for 3 tokens");
  const huge = encodeHeader({ ...HEADER, layer_count: 2 ** 40, prompt_token_count: 3 });
  assertThrows(() => [...readTrace(reader(Uint8Array.of(...huge, 1, 0, 0, 0))).steps()], SyntaxError, "the limit is");
});

Deno.test("the original's JSON is read back, and refused by the field that is wrong", () => {
  const totals = new TraceTotals(HEADER);
  STEPS.forEach((step) => totals.add(step));
  const text = JSON.stringify(totals.summary());
  assertEquals(parseSummary(text), totals.summary());
  assertThrows(() => parseSummary("{"), SyntaxError, "as JSON: it goes wrong at character 2");
  assertThrows(() => parseSummary("{}"), SyntaxError, "no token_traces");
  for (const wrong of ['" "', "null", "[null]", "false", "-1"]) {
    const one = text.replace(/"attention_received":\s*[\d.]+/, `"attention_received":${wrong}`);
    assertThrows(() => parseSummary(one), SyntaxError, "token 0 has no index or attention_received", wrong);
  }
  assertThrows(
    () => parseSummary(text.replace('"bytes_per_token":64', '"bytes_per_token":0')),
    SyntaxError,
    "bytes_per_token is 0",
  );
  assertThrows(
    () => parseSummary(text.replace('"prompt_token_count":3', '"prompt_token_count":4')),
    SyntaxError,
    "for 4 tokens",
  );
  assert(text.includes('"index":1'));
  assertThrows(() => parseSummary(text.replace('"index":1', '"index":5')), SyntaxError, "token 1");
});

Deno.test("a trace of more layers than its bytes hold is refused before anything is made for them", () => {
  for (const layer_count of [2 ** 40, 2 ** 31, 1000]) {
    const bytes = Buffer.concat([encodeHeader({ ...HEADER, layer_count }), file().subarray(-200)]);
    assertThrows(() => summarizeTrace(readTrace(reader(bytes))), SyntaxError, "Cannot read the trace as");
  }
});
