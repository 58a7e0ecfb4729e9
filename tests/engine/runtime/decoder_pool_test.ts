import { assertEquals, assertRejects } from "@std/assert";
import { parseCacheDtype } from "kvmirror/engine";
import { FLOAT32_CACHE } from "../../../lib/engine/rows/cache_dtype.ts";
import { DecoderPool } from "../../../lib/engine/runtime/decoder_pool.ts";
import type { DecoderInputs, DecoderOutputs, DecoderSession } from "../../../lib/engine/runtime/decoder_session.ts";

const NOTHING = {} as DecoderOutputs;
const INPUTS = {} as DecoderInputs;

/** Sessions that say what becomes of them. */
function watched(
  run: (name: string) => Promise<void> = () => Promise.resolve(),
): { events: string[]; sessions: DecoderPool } {
  const events: string[] = [];
  const session = (name: string): DecoderSession => ({
    run: async () => {
      await run(name);
      return NOTHING;
    },
    [Symbol.asyncDispose]: () => {
      events.push(`closed ${name}`);
      return Promise.resolve();
    },
  });
  const open = (format: { keys: { dtype: string }; values: { dtype: string } }) => {
    const name = `${format.keys.dtype}/${format.values.dtype}`;
    events.push(`opened ${name}`);
    return Promise.resolve(session(name));
  };
  return { events, sessions: new DecoderPool(session("f32"), open) };
}

const run = (sessions: DecoderPool, name: string) => sessions.run(parseCacheDtype(name), INPUTS);

Deno.test("each format's decoder is opened once, and the one that was not used for longest closed for a fourth", async () => {
  const { events, sessions } = watched();
  await sessions.run(FLOAT32_CACHE, INPUTS);
  for (const name of ["int8", "int4", "f16", "int8", "f32/int8"]) await run(sessions, name);
  assertEquals(events, [
    "opened int8/int8",
    "opened int4/int4",
    "opened f16/f16",
    "opened f32/int8",
    "closed int4/int4",
  ]);
  await sessions[Symbol.asyncDispose]();
  assertEquals(events.slice(5).toSorted(), ["closed f16/f16", "closed f32", "closed f32/int8", "closed int8/int8"]);
});

Deno.test("a decoder that runs is not closed under its run", async () => {
  const gate = Promise.withResolvers<void>();
  const { events, sessions } = watched((name) => name === "int8/int8" ? gate.promise : Promise.resolve());
  const long = run(sessions, "int8");
  for (const name of ["int4", "f16", "f32/int8"]) await run(sessions, name);
  assertEquals(events.filter((event) => event.startsWith("closed")), ["closed int4/int4"]);
  gate.resolve();
  await long;
});

Deno.test("a decoder that could not be opened is tried again", async () => {
  let failing = true;
  const { sessions: float } = watched();
  const sessions = new DecoderPool({
    run: () => Promise.resolve(NOTHING),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }, () =>
    failing ? Promise.reject(new Error("the disk is full")) : Promise.resolve({
      run: () => Promise.resolve(NOTHING),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }));
  await assertRejects(() => run(sessions, "int8"), Error, "the disk is full");
  failing = false;
  assertEquals(await run(sessions, "int8"), NOTHING);
  await float[Symbol.asyncDispose]();
});
