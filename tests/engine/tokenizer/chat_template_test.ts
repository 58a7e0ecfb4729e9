import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { splitChatTemplate } from "../../../lib/engine/tokenizer/chat_template.ts";
import { createTokenizer, type Tokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";

function withTemplate(template?: string): Tokenizer {
  const tokenizer = { model: { type: "BPE", vocab: { a: 0 }, merges: [] } };
  return createTokenizer({
    tokenizer,
    config: template === undefined ? {} : { chat_template: template, bos_token: "<s>" },
  });
}

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/** In the manner of Llama 3: trims, and begins with the token that begins a text. */
const TRIMMING = "{% for message in messages %}{% if loop.first %}{{ bos_token }}{% endif %}" +
  "{{ '[' + message['role'] + ']' + message['content'] | trim + '[end]' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}";

Deno.test("a template is split at the user's message", () => {
  assertEquals(splitChatTemplate(withTemplate(CHATML)), {
    open: "<|im_start|>user\n",
    close: "<|im_end|>\n<|im_start|>assistant\n",
    whiteSpace: "kept",
  });
  assertEquals(splitChatTemplate(withTemplate(TRIMMING)), {
    open: "<s>[user]",
    close: "[end][assistant]",
    whiteSpace: "trimmed",
  });
});

Deno.test("the parts around any text are the template applied to it", () => {
  for (const template of [CHATML, TRIMMING]) {
    const tokenizer = withTemplate(template);
    const { open, close, whiteSpace } = splitChatTemplate(tokenizer);
    fc.assert(fc.property(fc.string({ unit: "binary" }), (content) => {
      const text = whiteSpace === "kept" ? content : content.trim();
      const applied = tokenizer.applyChatTemplate([{ role: "user", content: text }], { addGenerationPrompt: true });
      assertEquals(open + text + close, applied);
    }));
  }
});

Deno.test("a template that does not pass the message on once, as it is, is refused", () => {
  const refused = [
    ["hello", "puts it 0 times"],
    ["{{ messages[0].content }} {{ messages[0].content }}", "puts it 2 times"],
    ["{{ messages[0].content | upper }}", "puts it 0 times"],
    ["{% if 'another' in messages[0].content %}a{% endif %}{{ messages[0].content }}", "depends on the message"],
    ["{{ messages[0].content | replace(' ', '') }}", "depends on the message"],
  ];
  for (const [template, message] of refused) {
    assertThrows(() => splitChatTemplate(withTemplate(template)), RangeError, message);
  }
});

Deno.test("a model without a template says so, and so does a template that fails", () => {
  assertThrows(() => splitChatTemplate(withTemplate()), RangeError, "the model has none");
  const raising = withTemplate("{{ raise_exception('only system messages') }}");
  assertThrows(() => splitChatTemplate(raising), RangeError, "only system messages");
  assertThrows(() => splitChatTemplate(withTemplate("{% if %}")), RangeError, "Cannot apply the model's chat template");
});
