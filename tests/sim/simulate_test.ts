import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { simulate, syntheticSequence, type SyntheticSequenceOptions } from "kvmirror";
import { definePolicy, policy, policyEntry } from "kvmirror/policies";
import { MersenneTwister } from "../../lib/numeric/mersenne_twister.ts";
import { sequenceLayer } from "../../lib/sim/simulate.ts";
import { hasCommand } from "../fixtures/has_command.ts";

/** What tests/sim/reference.py writes. */
interface Golden {
  streams: { seed: string; first: number[]; last: number[] }[];
  runs: {
    setting: Record<string, number> & { policy: string; seed: string };
    result: unknown;
    sha256: Record<string, string>;
  }[];
}

const GOLDEN_FILE = new URL("../goldens/simulate.json", import.meta.url);
const REFERENCE = new URL("reference.py", import.meta.url);
const golden: Golden = JSON.parse(Deno.readTextFileSync(GOLDEN_FILE));

Deno.test("the random stream is CPython's, for seeds of any size and sign", () => {
  for (const { seed, first, last } of golden.streams) {
    const stream = new MersenneTwister(BigInt(seed));
    const draws = Array.from({ length: 2000 }, () => stream.random());
    assertEquals(draws.slice(0, 4), first);
    assertEquals(draws.slice(-2), last);
  }
  assert(golden.streams.length >= 20);
});

Deno.test(`${golden.runs.length} settings give what the Python reference gives, to the last bit of every column`, async () => {
  for (const { setting, result, sha256 } of golden.runs) {
    const options: SyntheticSequenceOptions = {
      sequenceLength: setting.sequence_length,
      seed: BigInt(setting.seed),
      sinkTokens: setting.sink_tokens,
      heavyHitterStride: setting.heavy_hitter_stride,
    };
    const sequence = syntheticSequence(options);
    const numbers = { windowSize: setting.window_size, topk: setting.topk, sinkTokens: setting.sink_tokens };
    const taken = Object.fromEntries(
      Object.entries(numbers).filter(([name]) => Object.hasOwn(policyEntry(setting.policy).options, name)),
    );
    const chooser = policy(setting.policy, taken);
    const simulated = simulate(sequence, chooser, {
      topk: setting.topk,
      headCount: setting.head_count,
      headDim: setting.head_dim,
      layerCount: setting.layer_count,
      bytesPerValue: setting.bytes_per_value,
    });
    assertEquals(simulated as unknown, result, JSON.stringify(setting));
    const [[{ rows }]] = chooser.choose([sequenceLayer(sequence)], { ratio: 0, rows: sequence.length });
    const columns = { roles: sequence.roles, attention: sequence.attention, novelty: sequence.novelty, kept: rows };
    for (const [name, column] of Object.entries(columns)) {
      assertEquals(await hash(column), sha256[name], `${name} of ${JSON.stringify(setting)}`);
    }
  }
  assert(golden.runs.length >= 34);
});

Deno.test({
  name: "the golden file is what the reference program writes today",
  ignore: !await hasCommand(["python3", "--version"]),
  fn: async () => {
    const { success, stdout } = await new Deno.Command("python3", { args: [fileURLToPath(REFERENCE)] }).output();
    assert(success);
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), golden);
  },
});

Deno.test("a policy that reads what a synthetic sequence lacks is refused; both are named", () => {
  const byKeys = definePolicy({ name: "by_keys", signals: ["keys"], score: () => [] });
  assertThrows(
    () => simulate(syntheticSequence({ sequenceLength: 4 }), byKeys),
    TypeError,
    "policy by_keys as it needs keys",
  );
});

Deno.test("lengths and strides out of range are refused", () => {
  assertThrows(() => syntheticSequence({ sequenceLength: -1 }), RangeError, "-1");
  assertThrows(() => syntheticSequence({ heavyHitterStride: 0 }), RangeError, "0");
  assertThrows(() => syntheticSequence({ sequenceLength: 1.5 }), RangeError, "1.5");
});

async function hash(column: Uint8Array | Float64Array | Uint32Array): Promise<string> {
  const bytes = new Uint8Array(column.buffer as ArrayBuffer, column.byteOffset, column.byteLength);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
