import { assertEquals } from "@std/assert";
import { readCheckpoint, resolveModel } from "kvmirror/engine";
import { createTokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { drawnTexts, idHashes } from "../../fixtures/drawn_texts.ts";
import golden from "../../goldens/tiny_tokenizer.json" with { type: "json" };

Deno.test("the embedded model's tokenizer gives the ids of Python's tokenizers on 10,000 odd texts", async () => {
  const { path } = await resolveModel("tiny");
  using checkpoint = await readCheckpoint(path);
  const tokenizer = createTokenizer(checkpoint.tokenizer, { eosTokenIds: checkpoint.config.eosTokenIds });
  const texts = drawnTexts({ ...golden, characters: 1 / 3 }, golden.hashes.length * golden.batch);
  assertEquals(idHashes(tokenizer.encode, texts, golden.batch), golden.hashes);
  assertEquals(texts.length, 10_000);
});
