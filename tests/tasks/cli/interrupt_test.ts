import { assertEquals } from "@std/assert";
import { tensorsFile } from "../../fixtures/safetensors_bytes.ts";
import { tinyConfig, tinyTensors } from "../../fixtures/tiny_safetensors.ts";
import { withFiles } from "../../fixtures/with_folder.ts";

const CLI = new URL("../../../tasks/cli/", import.meta.url);
const ignore = Deno.build.os === "windows";

/** Signals that come sooner after one another are one, ms. */
const APART_MS = 400;
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Runs a task's body in a process of its own; `signal` is what Ctrl-C aborts. */
function startBody(body: string, env?: Record<string, string>): Deno.ChildProcess {
  const script = `import { runBody } from ${JSON.stringify(new URL("run_body.ts", CLI))};
    import { interruptSignal } from ${JSON.stringify(new URL("interrupt.ts", CLI))};
    import { printText } from ${JSON.stringify(new URL("print.ts", CLI))};
    await runBody(async () => { const signal = await interruptSignal(); ${body} });`;
  return new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--ext=ts", script],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test({
  name: "Ctrl-C is 130 and kill 143: the work ends between two steps, at the second signal at once",
  ignore,
  fn: async () => {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      for (const [times, wait] of [[1, "signal.throwIfAborted()"], [2, "0"]] as const) {
        const process = startBody(`signal.addEventListener("abort", () => printText("again"));
          printText("begun");
          while (true) { await new Promise((done) => setTimeout(done, 5)); ${wait}; }`);
        const reader = process.stdout.getReader();
        for (let time = 0; time < times; time++) {
          await reader.read();
          if (time > 0) await pause(APART_MS);
          process.kill(signal);
        }
        const status = await process.status;
        const said = await new Response(process.stderr).text();
        await reader.cancel();
        assertEquals([status.code, said], [code, times === 1 ? "error: interrupted\n" : ""]);
      }
    }
  },
});

Deno.test({
  name: "a signal that comes twice at once, as a terminal and deno task send it, is one",
  ignore,
  fn: async () => {
    const process = startBody(`printText("begun");
      while (!signal.aborted) await new Promise((done) => setTimeout(done, 5));
      await new Promise((done) => setTimeout(done, 100)); printText("ended in order");`);
    const reader = process.stdout.getReader();
    await reader.read();
    process.kill("SIGINT");
    process.kill("SIGINT");
    const { value } = await reader.read();
    assertEquals(new TextDecoder().decode(value), "ended in order\n");
    await reader.cancel();
    await process.stderr.cancel();
    assertEquals((await process.status).code, 0);
  },
});

const CONFIG = tinyConfig({ max_position_embeddings: 64 });
/** Its time grows with the fifth power of a text. */
const TOKENIZER = {
  version: "1.0",
  added_tokens: [],
  pre_tokenizer: { type: "Split", pattern: { Regex: "a*a*a*a*b" }, behavior: "Isolated", invert: false },
  decoder: { type: "ByteLevel" },
  model: { type: "BPE", vocab: { a: 0, b: 1, c: 2 }, merges: [] },
};

Deno.test({
  name: "the second Ctrl-C ends a task that is in a pattern of a model for hours",
  ignore,
  fn: async () => {
    const model = {
      "config.json": CONFIG,
      "model.safetensors": tensorsFile(tinyTensors()),
      "tokenizer.json": TOKENIZER,
      "tokenizer_config.json": { chat_template: "{% for m in messages %}{{ m.content }}{% endfor %}" },
      "prompt.txt": "a".repeat(20_000),
    };
    await withFiles(model, async (path, folder) => {
      const process = startBody(
        `const { loadModel } = await import(${JSON.stringify(new URL("../../../lib/engine/mod.ts", import.meta.url))});
        const model = await loadModel(${JSON.stringify(folder)}, { signal });
        const text = Deno.readTextFileSync(${JSON.stringify(path("prompt.txt"))});
        printText("begun");
        await model.prefill(text, { template: "chat", signal });`,
        { KVMIRROR_CACHE: folder },
      );
      const reader = process.stdout.getReader();
      await reader.read();
      process.kill("SIGINT");
      const first = await Promise.race([process.status, pause(APART_MS)]);
      if (first === undefined) process.kill("SIGINT");
      const last = setTimeout(() => process.kill("SIGKILL"), 60_000); // it would go on for hours
      const [{ code, signal }, said] = await Promise.all([process.status, new Response(process.stderr).text()]);
      clearTimeout(last);
      await reader.cancel();
      assertEquals({ first, code, signal, said }, { first: undefined, code: 130, signal: "SIGINT", said: "" });
    });
  },
});
