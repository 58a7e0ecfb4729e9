import { assertEquals } from "@std/assert";
import { readCheckpoint, resolveModel } from "kvmirror/engine";
import { createHash } from "node:crypto";
import { createTokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { MersenneTwister } from "../../../lib/numeric/mersenne_twister.ts";
import golden from "../../goldens/tiny_tokenizer.json" with { type: "json" };

/** The text that tests/goldens/make_tiny_tokenizer.py draws. */
function drawText(stream: MersenneTwister): string {
  const below = (limit: number) => Math.floor(stream.random() * limit);
  let text = "";
  for (let pieces = 1 + below(12); pieces > 0; pieces--) {
    if (stream.random() < 1 / 3) {
      const [low, high] = golden.ranges[below(golden.ranges.length)];
      const code = low + below(high - low);
      text += code >= 0xd800 && code < 0xe000 ? "\ufffd" : String.fromCodePoint(code);
    } else {
      text += golden.pieces[below(golden.pieces.length)];
    }
  }
  return text;
}

Deno.test("the embedded model's tokenizer gives the ids of Python's tokenizers on 10,000 odd texts", async () => {
  const { path } = await resolveModel("tiny");
  using checkpoint = await readCheckpoint(path);
  const tokenizer = createTokenizer(checkpoint.tokenizer, checkpoint.config.eosTokenIds);
  const stream = new MersenneTwister(golden.seed);
  const hashes = golden.hashes.map(() => {
    const hash = createHash("sha256");
    for (let text = 0; text < golden.batch; text++) hash.update(`${tokenizer.encode(drawText(stream)).join(",")}\n`);
    return hash.digest("hex");
  });
  assertEquals(hashes.filter((hash, index) => hash !== golden.hashes[index]), []);
  assertEquals(hashes.length * golden.batch, 10_000);
});
