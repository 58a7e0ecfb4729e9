import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Chat, loadModel, type LoadOptions, type Model, TemplateArgumentError } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { kvpressPrompt } from "../../../lib/eval/dataset/kvpress_prompt.ts";
import { runTask } from "../../fixtures/run_task.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const GOLDEN = new URL("../../goldens/llama_tied_f16/", import.meta.url);
const THINKING =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}" +
  "{% if enable_thinking is defined and enable_thinking is false %}{{ 'no ' }}{% endif %}{% endif %}";

/** A folder of the small Llama with more in its tokenizer_config.json. */
async function withLlama(config: Record<string, unknown>, body: (path: string) => Promise<void>): Promise<void> {
  await withFolder(async (path) => {
    for (const name of ["config.json", "model.safetensors", "tokenizer.json", "generation_config.json"]) {
      await Deno.copyFile(new URL(name, GOLDEN), path(name));
    }
    const own = JSON.parse(await Deno.readTextFile(new URL("tokenizer_config.json", GOLDEN)));
    await Deno.writeTextFile(path("tokenizer_config.json"), JSON.stringify({ ...own, ...config }));
    await body(path(""));
  });
}

async function withModel(
  config: Record<string, unknown>,
  options: LoadOptions,
  body: (model: Model) => Promise<void>,
): Promise<void> {
  await withLlama(config, async (path) => {
    await using model = await loadModel(path, { weights: "f32", ...options });
    await body(model);
  });
}

Deno.test("a text that is read as it is begins with the checkpoint's first token, a question behind it does not", async () => {
  await withModel({ bos_token: "<|im_start|>", add_bos_token: true }, {}, async (model) => {
    const { encode } = model.tokenizer;
    const bos = encode("<|im_start|>");
    const { openingTokens, contextIds, questionIds } = kvpressPrompt(model.tokenizer, {
      context: "the ship",
      question: " sank",
      answer_prefix: "",
      template: "none",
    });
    assertEquals([openingTokens, contextIds, questionIds], [1, [...bos, ...encode("the ship")], encode(" sank")]);
    using cache = await model.prefill("the ship", { template: "none" });
    assertEquals(cache.tokenIds(), [...bos, ...encode("the ship")]);
    assertEquals(model.questionIds(" sank", { template: "none", cache }), encode(" sank"));
    assertEquals(model.questionIds("sank", { template: "none" }), [...bos, ...encode("sank")]);
    using opened = await model.prefill("the ship");
    assertEquals(opened.tokenIds(), encode("<|im_start|>user\nthe ship"));
  });
});

Deno.test("a variable of the chat template holds wherever the template is applied", async () => {
  await withModel({ chat_template: THINKING }, { templateArguments: { enable_thinking: false } }, async (model) => {
    const { encode, templateArguments } = model.tokenizer;
    assertEquals(templateArguments, { enable_thinking: false });
    const turn = encode("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nno ");
    assertEquals(model.questionIds("Hi"), turn);
    const chat = await Chat.open(model, { policy: policy("keep_all"), maxNewTokens: 1 });
    for await (const _ of chat.ask("Hi"));
    assertEquals(chat.cache.tokenIds(0, turn.length), turn);
  });
  await withLlama({ chat_template: THINKING }, async (path) => {
    const wrong = { templateArguments: { think: true } };
    await assertRejects(() => loadModel(path, wrong), TemplateArgumentError, "that it reads are enable_thinking");
  });
});

Deno.test("--template-arg: an answer, or one line that names the variable", async () => {
  await withLlama({ chat_template: THINKING }, async (path) => {
    const prompt = `${path}prompt.txt`;
    await Deno.writeTextFile(prompt, "Call me Ishmael.");
    const generate = (...more: string[]) =>
      runTask(["generate", "--model", path, "--prompt-file", prompt, "--max-new-tokens", "2", "--json", ...more]);
    const [plain, given] = [await generate(), await generate("--template-arg", "enable_thinking=false")];
    assertEquals([plain.code, given.code], [0, 0], plain.stderr + given.stderr);
    const wrong: [string[], RegExp][] = [
      [
        ["--template-arg", "think=1"],
        /^error: Cannot give the chat template think as it does not read it: .* enable_thinking$/m,
      ],
      [
        ["--template-arg", "enable_thinking"],
        /^error: Cannot use --template-arg enable_thinking as it must be name=value/m,
      ],
      [
        ["--template-arg", "a=1", "--template-arg=a=2"],
        /^error: Cannot give the chat template a twice: give it once$/m,
      ],
    ];
    for (const [args, message] of wrong) {
      const { code, stderr } = await generate(...args);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, message);
    }
    const chat = await runTask(["chat", "--model", path, "--template-arg", "x=1"]);
    assertEquals(chat.code, 2);
    assertMatch(chat.stderr, /does not read it/);
  });
});
