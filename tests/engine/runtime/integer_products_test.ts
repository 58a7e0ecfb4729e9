import { assertEquals, assertRejects } from "@std/assert";
import { exactIntegerProducts, type IntegerProducts } from "../../../lib/engine/runtime/integer_products.ts";

const EXACT = 64 * 127 * 127;
/** What Intel's Haswell gives, which has no VNNI: each pair of products is cut at 2¹⁵ − 1, then 128 is taken from all. */
const HASWELL = 32 * (2 ** 15 - 1) - 64 * 127 * 128;

Deno.test("whole numbers are multiplied as they are exact: natively, without signs, or not at all", async () => {
  const machine = (native: number, unsigned: number) => async (products: IntegerProducts) =>
    await Promise.resolve({ native, unsigned }[products]);
  assertEquals(HASWELL, 8160, "measured with onnxruntime on an emulated one");
  assertEquals(await exactIntegerProducts(machine(EXACT, EXACT)), "native");
  assertEquals(await exactIntegerProducts(machine(HASWELL, EXACT)), "unsigned");
  await assertRejects(
    () => exactIntegerProducts(machine(HASWELL, HASWELL)),
    RangeError,
    "take the weights f32 or int4",
  );
});

Deno.test("this machine has a way that is exact", async () => {
  console.log(`  products of whole numbers: ${await exactIntegerProducts()}`);
});
