import { loadModel } from "kvmirror/engine";
import { smollm2Path } from "../smollm2.ts";
import { CHECKPOINTS, openCheckpoint, readGolden } from "./golden.ts";
import { checkParity, checkQuantised } from "./parity.ts";

for (const name of CHECKPOINTS) {
  Deno.test(`${name} agrees with PyTorch and kvpress`, async (test) => {
    await using model = await openCheckpoint(name);
    await checkParity(test, model, readGolden(name));
  });

  Deno.test(`${name} in int8 and int4 still means the same`, async () => {
    await using int8 = await openCheckpoint(name, "int8");
    await checkQuantised(int8, readGolden(name), 0.1);
    await using int4 = await openCheckpoint(name, "int4");
    await checkQuantised(int4, readGolden(name), 2);
  });
}

Deno.test("the embedded model agrees with PyTorch and kvpress to 1e-4", async (test) => {
  await using model = await loadModel("tiny", { weights: "f32" });
  await checkParity(test, model, readGolden("tiny"), 1e-4);
});

Deno.test("the embedded model in int8 and int4 still means the same", async () => {
  for (const [weights, limit] of [["int8", 0.05], ["int4", 0.5]] as const) {
    await using model = await loadModel("tiny", { weights });
    await checkQuantised(model, readGolden("tiny"), limit);
  }
});

const smollm2 = await smollm2Path();

Deno.test({
  name: "SmolLM2 agrees with PyTorch and kvpress",
  ignore: smollm2 === undefined,
  fn: async (test) => {
    await using model = await loadModel(smollm2!, { weights: "f32" });
    await checkParity(test, model, readGolden("smollm2"));
  },
});

Deno.test({
  name: "SmolLM2 in int8 and int4 still means the same",
  ignore: smollm2 === undefined,
  fn: async () => {
    for (const [weights, limit] of [["int8", 0.05], ["int4", 0.5]] as const) {
      await using model = await loadModel(smollm2!, { weights });
      await checkQuantised(model, readGolden("smollm2"), limit);
    }
  },
});
