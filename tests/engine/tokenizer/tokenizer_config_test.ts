import { assertEquals, assertThrows } from "@std/assert";
import { ggufTokenizer } from "../../../lib/engine/checkpoint/gguf/gguf_tokenizer.ts";
import type { MetadataValue } from "../../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { splitChatTemplate } from "../../../lib/engine/tokenizer/chat_template.ts";
import { withLegacyTokens } from "../../../lib/engine/tokenizer/special_tokens.ts";
import { TemplateArgumentError, templateVariables } from "../../../lib/engine/tokenizer/template_variables.ts";
import { createTokenizer, encodeStart, type Tokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { Template } from "@huggingface/jinja";
import golden from "../../goldens/tokenizer_rules.json" with { type: "json" };

type Json = Record<string, unknown>;

/** The golden file's byte-level tokenizer with its vocabulary. */
function tokenizerJson(given: Json): Json {
  const { tokens, merges } = golden.bytes;
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return { ...given, model: { ...given.model as Json, vocab, merges } };
}

const PLAIN = tokenizerJson(golden.plain);
const BOUNDED = tokenizerJson(golden.bounded.tokenizer);
const id = (text: string) => golden.bytes.tokens.indexOf(text);

function withConfig(config: Json, tokenizer = PLAIN): Tokenizer {
  return createTokenizer({ tokenizer, config });
}

interface Case {
  readonly tokenizer?: string;
  readonly config: Json;
  readonly arguments?: Record<string, boolean>;
  readonly vocab_size: number;
  readonly ids: readonly number[];
  readonly bounded_ids: readonly number[];
  readonly skipped: string;
  readonly rendered?: string;
}

for (const [name, expected] of Object.entries(golden.configs as Record<string, Case>)) {
  Deno.test(`tokenizer_config.json with ${name} is read as transformers reads it`, () => {
    const tokenizer = createTokenizer(
      { tokenizer: expected.tokenizer === "bounded" ? BOUNDED : PLAIN, config: expected.config },
      { templateArguments: expected.arguments },
    );
    assertEquals(tokenizer.vocabSize, expected.vocab_size);
    assertEquals(tokenizer.encode(golden.sample), expected.ids);
    const bounded = [...tokenizer.startTokenIds, ...tokenizer.encode(golden.sample), ...tokenizer.endTokenIds];
    assertEquals(bounded, expected.bounded_ids);
    assertEquals(tokenizer.decode(bounded, { specialTokens: "skip" }), expected.skipped);
    if (expected.rendered === undefined) return;
    const messages = golden.messages.map(({ content }) => ({ role: "user" as const, content }));
    assertEquals(tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true }), expected.rendered);
  });
}

Deno.test("add_bos_token and add_eos_token say what is put around a text, above the post-processor", () => {
  const tokens = { bos_token: "<s>", eos_token: "</s>" };
  const bounds = (config: Json, tokenizer = PLAIN) => {
    const { startTokenIds, endTokenIds } = withConfig({ ...tokens, ...config }, tokenizer);
    return [startTokenIds, endTokenIds];
  };
  const [start, end] = [[id("<s>")], [id("</s>")]];
  assertEquals(bounds({}), [[], []]);
  assertEquals(bounds({ add_bos_token: true }), [start, []]);
  assertEquals(bounds({ add_bos_token: true, add_eos_token: true }), [start, end]);
  assertEquals(bounds({}, BOUNDED), [start, end]);
  assertEquals(bounds({ add_bos_token: false }, BOUNDED), [[], end]);
  assertEquals(bounds({ add_eos_token: false }, BOUNDED), [start, []]);
  assertThrows(
    () => withConfig({ add_bos_token: true }),
    SyntaxError,
    "as add_bos_token is true and bos_token is absent",
  );
  assertThrows(() => withConfig({ add_bos_token: "yes" }), SyntaxError, "add_bos_token must be true or false");
});

Deno.test("the token that begins a text is there once", () => {
  const tokenizer = withConfig({ bos_token: "<s>", add_bos_token: true });
  const ids = tokenizer.encode("the");
  assertEquals(encodeStart(tokenizer, "the"), [id("<s>"), ...ids]);
  assertEquals(encodeStart(tokenizer, "<s>the"), [id("<s>"), ...ids]);
  assertEquals(encodeStart(withConfig({ bos_token: "<s>" }), "the"), ids);
});

const TURNS = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}";

Deno.test("a template is a conversation's whole text in a folder; llama.cpp puts a GGUF's first token before it, once", () => {
  const { tokens, merges } = golden.bytes;
  const ofGguf = (template: string, more: Record<string, MetadataValue> = {}) =>
    createTokenizer(ggufTokenizer(
      new Map<string, MetadataValue>(Object.entries({
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.token_type": tokens.map((token) => golden.special.includes(token) ? 3 : 1),
        "tokenizer.ggml.bos_token_id": id("<s>"),
        "tokenizer.chat_template": template,
        ...more,
      })),
    ));
  const opening = (tokenizer: Tokenizer) => splitChatTemplate(tokenizer).open;
  const plain = "<|im_start|>user\n";
  assertEquals(opening(ofGguf(TURNS)), `<s>${plain}`);
  assertEquals(opening(ofGguf(`{{ bos_token }}${TURNS}`)), `<s>${plain}`);
  assertEquals(opening(ofGguf(TURNS, { "tokenizer.ggml.add_bos_token": false })), plain);
  assertEquals(opening(withConfig({ bos_token: "<s>", add_bos_token: true, chat_template: TURNS })), plain);
});

Deno.test("what ends a turn in the template ends a text, beside the checkpoint's own", () => {
  const files = (chat_template: string) => ({ tokenizer: PLAIN, config: { eos_token: "</s>", chat_template } });
  const ends = (template: string, eosTokenIds?: number[]) =>
    createTokenizer(files(template), { eosTokenIds }).eosTokenIds;
  assertEquals(ends(TURNS, [7]), [7, id("<|im_end|>")]);
  assertEquals(ends(TURNS), [id("</s>"), id("<|im_end|>")]);
  assertEquals(ends("{% for m in messages %}{{ m.content + eos_token }}{% endfor %}", [id("</s>")]), [id("</s>")]);
  const others = [
    "{% for m in messages %}{{ m.content + '\n### ' }}{% endfor %}", // no token of its own
    "{% for m in messages %}{{ m.content | upper }}{% endfor %}",
    "{{ raise_exception('no') }}",
    "{% if %}",
  ];
  for (const template of others) assertEquals(ends(template, [7]), [7]);
});

Deno.test("malformed special tokens are one line that names them", () => {
  const malformed: [Json, string][] = [
    [{ added_tokens_decoder: { x: { content: "a" } } }, "added_tokens_decoder's x must be a token"],
    [{ added_tokens_decoder: { 3: 4 } }, "added_tokens_decoder's 3 must be a token"],
    [{ added_tokens_decoder: 5 }, "added_tokens_decoder must be a token"],
    [
      { added_tokens_decoder: { 7: { content: "<s>" } } },
      `gives "<s>" the id 7: in tokenizer.json it has ${id("<s>")}`,
    ],
    [{ added_tokens_decoder: { 9000: { content: "<new>" } } }, `gives "<new>" the id 9000: in tokenizer.json it has`],
    [{ bos_token: 4 }, "bos_token must be a token or tokens: current value is 4"],
    [{ extra_special_tokens: "a" }, "extra_special_tokens must be a token"],
    [{ chat_template: 4 }, "chat_template must be text or a list of named ones: current value is 4"],
  ];
  for (const [config, message] of malformed) assertThrows(() => withConfig(config), SyntaxError, message);
});

const THINKING = `{%- set today = today | default('Monday') -%}{%- macro turn(role, text='') -%}
{{ '<|im_start|>' + role + '\n' + text + '<|im_end|>\n' }}{%- endmacro -%}
{%- for m in messages if m.role != skipped_role -%}{{ turn(m.role, m.content) }}{{ loop.index }}{%- endfor -%}
{%- set ns = namespace(last=none) -%}{%- set ns.last = messages[-1] -%}
{%- if add_generation_prompt and not (enable_thinking | default(true)) -%}{{ extra[0].name + strftime_now('%d') }}
{%- endif -%}{{ tools }}{{ ns.last.content | replace(old_word, 'b') }}`;

Deno.test("the variables of a template are those that it reads and nobody else gives", () => {
  assertEquals(templateVariables(new Template(THINKING)), [
    "today",
    "skipped_role",
    "enable_thinking",
    "extra",
    "old_word",
  ]);
  assertEquals(templateVariables(new Template(TURNS)), []);
});

Deno.test("a variable of the template is given a value, and refused where the template reads none of that name", () => {
  const template = TURNS + "{% if add_generation_prompt %}<|im_start|>assistant\n" +
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>{% endif %}{% endif %}";
  const files = (chat_template?: string) => ({ tokenizer: PLAIN, config: { chat_template } });
  const close = (templateArguments: Record<string, boolean>) =>
    splitChatTemplate(createTokenizer(files(template), { templateArguments })).close;
  assertEquals(close({}), "<|im_end|>\n<|im_start|>assistant\n");
  assertEquals(close({ enable_thinking: true }), close({}));
  assertEquals(close({ enable_thinking: false }), `${close({})}<think>\n\n</think>`);
  const refused = (chat_template: string | undefined, name: string) =>
    assertThrows(
      () => createTokenizer(files(chat_template), { templateArguments: { [name]: true } }),
      TemplateArgumentError,
    ).message;
  assertEquals(
    refused(template, "thinking"),
    "Cannot give the chat template thinking as it does not read it: the variables that it reads are enable_thinking",
  );
  assertEquals(
    refused(template, "messages"),
    "Cannot give the chat template messages as it does not read it: the variables that it reads are enable_thinking",
  );
  assertEquals(
    refused(TURNS, "enable_thinking"),
    "Cannot give the chat template enable_thinking as it does not read it: it reads no variable",
  );
  assertEquals(
    refused(undefined, "enable_thinking"),
    "Cannot give the chat template enable_thinking as the model has none: leave it out",
  );
});

Deno.test("of several templates the one named default is taken, and line ends are as Jinja reads them", () => {
  const several = [{ name: "tool_use", template: "x" }, { name: "default", template: TURNS.replaceAll("\n", "\r\n") }];
  const { applyChatTemplate } = withConfig({ chat_template: several });
  assertEquals(applyChatTemplate([{ role: "user", content: "a" }]), "<|im_start|>user\na<|im_end|>\n");
  assertEquals(withConfig({ chat_template: [{ name: "tool_use", template: "x" }] }).hasChatTemplate, false);
});

Deno.test("the older files of special tokens count where there is no added_tokens_decoder", () => {
  const files = { named: { eos_token: { content: "</s>" } }, added: { "<new>": golden.bytes.tokens.length } };
  const config = withLegacyTokens({ eos_token: "<s>" }, files);
  const { encode, eosTokenIds } = withConfig(config);
  assertEquals([encode("<new>"), eosTokenIds], [[golden.bytes.tokens.length], [id("</s>")]]);
  const newer = { added_tokens_decoder: {}, eos_token: "<s>" };
  assertEquals(withLegacyTokens(newer, files), newer);
  assertEquals(withLegacyTokens({ eos_token: "<s>" }, {}), { eos_token: "<s>" });
});
