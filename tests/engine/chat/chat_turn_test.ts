import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Chat, type ChatMessage, loadModel, type Model } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { turnBudget } from "../../../lib/engine/chat/turn_budget.ts";
import { splitConversation, turnIds } from "../../../lib/engine/tokenizer/chat_template.ts";
import { createTokenizer } from "../../../lib/engine/tokenizer/tokenizer.ts";
import { smollm2Path } from "../../fixtures/smollm2.ts";

const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/** In the manner of templates that leave out what an assistant thought in earlier turns. */
const FORGETTING =
  "{% for message in messages %}[{{ message['role'] }}]{% if loop.last or message['role'] == 'user' %}" +
  "{{ message['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
/** In the manner of templates that look at the last turn only. */
const LAST = "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}" +
  "{% if loop.last %}[now]{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

function withTemplate(chat_template?: string): ReturnType<typeof createTokenizer> {
  const tokenizer = { model: { type: "BPE", vocab: { a: 0 }, merges: [] } };
  return createTokenizer({ tokenizer, config: chat_template === undefined ? {} : { chat_template } });
}

Deno.test("a template is split between the messages of a conversation", () => {
  assertEquals(splitConversation(withTemplate(CHATML), "Be short."), {
    open: "<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\n",
    close: "<|im_end|>\n<|im_start|>assistant\n",
    between: "<|im_end|>\n<|im_start|>user\n",
  });
  assertEquals(splitConversation(withTemplate(CHATML)).open, "<|im_start|>user\n");
});

Deno.test("a template that puts earlier turns otherwise once later ones follow is refused", () => {
  for (const template of [FORGETTING, LAST, "{{ messages[0].content }}", "hello"]) {
    assertThrows(() => splitConversation(withTemplate(template)), RangeError, "puts earlier turns otherwise");
  }
  assertThrows(() => splitConversation(withTemplate()), RangeError, "the model has none");
});

/** Reads a conversation piece by piece, as a chat does, and gives all ids. */
function pieceByPiece(model: Model, texts: readonly string[]): number[] {
  const ids: number[] = [];
  texts.forEach((text, index) => {
    ids.push(...index % 2 === 0 ? turnIds(model.tokenizer, text, ids) : model.tokenizer.encode(text));
  });
  return ids;
}

async function holdsForWholeConversations(model: Model): Promise<void> {
  const said = fc.string({ unit: fc.constantFrom(..."abc XYZ.,?!'0123é漢🙂"), minLength: 1, maxLength: 30 })
    .map((text) => text.trim()).filter((text) => text !== "");
  await fc.assert(
    fc.asyncProperty(fc.array(said, { minLength: 5, maxLength: 7 }), (drawn) => {
      const texts = drawn.slice(0, drawn.length - (drawn.length + 1) % 2);
      const messages: ChatMessage[] = texts.map((content, index) => ({
        role: index % 2 === 0 ? "user" : "assistant",
        content,
      }));
      const whole = model.tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
      assertEquals(pieceByPiece(model, texts), model.tokenizer.encode(whole));
      return Promise.resolve();
    }),
    { numRuns: 50, seed: 3 },
  );
}

Deno.test("turns read piece by piece are the template's ids of the whole conversation: embedded model", async () => {
  await using model = await loadModel("tiny");
  await holdsForWholeConversations(model);
});

Deno.test("turns read piece by piece are the template's ids of the whole conversation: SmolLM2", async () => {
  const path = await smollm2Path();
  if (path === undefined) return;
  await using model = await loadModel(path);
  await holdsForWholeConversations(model);
});

/** Asks and gives the text and the ids of the answer. */
async function ask(chat: Chat, question: string, signal?: AbortSignal): Promise<{ text: string; ids: number[] }> {
  const ids: number[] = [];
  let text = "";
  for await (const token of chat.ask(question, { signal })) {
    ids.push(token.id);
    text += token.text;
  }
  return { text, ids };
}

const FACTS = "Sam's dog is called Biscuit. Ann's cat is called Felix.\n";
const QUESTIONS = ["What is Sam's dog called?", "What is Ann's cat called?", "And who is Felix?"];

Deno.test("a chat's cache holds the template's conversation, whether answers end by themselves or are cut", async () => {
  await using model = await loadModel("tiny");
  for (const maxNewTokens of [1, 3, 64]) {
    const chat = await Chat.open(model, { policy: policy("keep_all"), system: FACTS, maxNewTokens });
    const messages: ChatMessage[] = [{ role: "system", content: FACTS }];
    for (const question of QUESTIONS) {
      const { ids } = await ask(chat, question);
      assert(ids.length <= maxNewTokens);
      const answer = model.tokenizer.decode(ids.filter((id) => !model.tokenizer.eosTokenIds.includes(id)));
      messages.push({ role: "user", content: question });
      const before = model.tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true });
      assertEquals(model.tokenizer.decode(chat.cache.tokenIds()), before + answer);
      messages.push({ role: "assistant", content: answer });
    }
    assertEquals([chat.turns, chat.cache.pins.length, chat.cache.pins[0].start], [3, 1, 0]);
  }
});

Deno.test("model.generate goes on with a conversation too", async () => {
  await using model = await loadModel("tiny");
  const cache = await model.prefill(FACTS);
  await model.generate(QUESTIONS[0], { cache, maxNewTokens: 32 });
  const read = cache.tokenCount;
  await model.generate(QUESTIONS[1], { cache, maxNewTokens: 1 });
  assertEquals(
    model.tokenizer.decode(cache.tokenIds(read)),
    `<|im_end|>\n<|im_start|>user\n${QUESTIONS[1]}<|im_end|>\n<|im_start|>assistant\n`,
  );
});

Deno.test("turns are taken back as if they had never been, and a saved chat goes on as if it had never stopped", async () => {
  await using model = await loadModel("tiny");
  const options = { policy: policy("snapkv"), system: FACTS, maxNewTokens: 12 };
  const chat = await Chat.open(model, options);
  const answers: { text: string; ids: number[] }[] = [];
  for (const question of QUESTIONS) answers.push(await ask(chat, question));
  chat.rewind(2);
  assertEquals(chat.turns, 1);
  assertEquals(await ask(chat, QUESTIONS[1]), answers[1]);
  const path = await Deno.makeTempFile();
  await chat.save(path);
  const loaded = await Chat.open(model, { ...options, cache: await model.loadCache(path) });
  await Deno.remove(path);
  assertEquals(await ask(loaded, QUESTIONS[2]), answers[2]);
  assertEquals(loaded.turns, 3);
  loaded.rewind(3);
  assertEquals(await ask(loaded, QUESTIONS[0]), answers[0]);
  assertThrows(
    () => loaded.rewind(2),
    RangeError,
    "Cannot take back 2 turns as there are 1: what can be taken back is 1",
  );
  assertThrows(() => loaded.rewind(0), RangeError, "Cannot take back 0 turns");
});

Deno.test("a ceiling holds at every step, the system prompt stays, and what can be taken back is named", async () => {
  await using model = await loadModel("tiny");
  const tokenBytes = 5 * 2 * 32 * 2 * 4;
  const system = model.tokenizer.encode(splitConversation(model.tokenizer, FACTS).open).length;
  for (const name of ["snapkv", "streaming_llm", "h2o", "adakv(knorm)", "expected_attention"]) {
    const maxBytes = (system + 90) * tokenBytes + 17;
    const chat = await Chat.open(model, { policy: policy(name), system: FACTS, maxNewTokens: 40, maxBytes });
    for (let turn = 0; turn < 6; turn++) {
      for await (const _ of chat.ask(QUESTIONS[turn % 3].repeat(1 + turn % 3))) {
        assert(chat.cache.liveBytes <= maxBytes, `${name}: ${chat.cache.liveBytes} of ${maxBytes}`);
      }
    }
    assert(chat.peakBytes <= maxBytes);
    assert(chat.cache.liveBytes < chat.cache.fullBytes, name);
    for (let layer = 0; layer < 5; layer++) {
      assertEquals([...chat.cache.rowPositions(layer, 1).slice(0, system)], [...Array(system).keys()]);
    }
    const error = assertThrows(() => chat.rewind(5), RangeError);
    assert(/rows of before were evicted since: (what can be taken back is [\d, ]+|none can)/.test(error.message));
    chat.rewind(6);
    assertEquals([chat.cache.tokenCount, chat.turns], [system, 0]);
  }
  // A question that is longer than all that is free is read all the same.
  const chat = await Chat.open(model, { policy: policy("snapkv"), maxNewTokens: 4, maxBytes: 64 * tokenBytes });
  for await (const _ of chat.ask(FACTS.repeat(12))) assert(chat.cache.liveBytes <= 64 * tokenBytes);
  assert(chat.peakBytes <= 64 * tokenBytes);
});

Deno.test("what cannot be is refused in one line, and the conversation stands", async () => {
  await using model = await loadModel("tiny");
  const tokenBytes = 5 * 2 * 32 * 2 * 4;
  const open = (name: string, maxBytes?: number) => Chat.open(model, { policy: policy(name), maxBytes, system: FACTS });
  await assertRejects(() => open("snapkv", 20 * tokenBytes), RangeError, "what comes before the first turn takes");
  await assertRejects(() => open("kvzip", 1e7), TypeError, "needs reconstruction, a second look");
  await assertRejects(() => open("oracle", 1e7), TypeError, "still to come");
  const chat = await open("snapkv", 1e7);
  await assertRejects(() => ask(chat, " \n"), RangeError, "Cannot ask an empty question");
  assertThrows(
    () => chat.usePolicy(policy("expected_attention")),
    TypeError,
    "needs queryMoments, mean and covariance of the queries behind a text's first 4 tokens: this conversation has",
  );
  assertThrows(() => chat.usePolicy(policy("kvzip")), TypeError, "second look");
  chat.usePolicy(policy("h2o"));
  assertEquals(chat.policy.name, "h2o");
  await assertRejects(
    () => Chat.open(model, { policy: policy("snapkv"), cache: chat.cache.fork(), system: "Another one." }),
    RangeError,
    "begins with another system prompt",
  );
  assertEquals(chat.turns, 0);
});

Deno.test("an abort ends the answer and keeps what was said; before the first word the question is taken back", async () => {
  await using model = await loadModel("tiny");
  const chat = await Chat.open(model, { policy: policy("snapkv"), system: FACTS, maxNewTokens: 40 });
  const whole = await ask(chat, QUESTIONS[0]);
  chat.rewind();
  const controller = new AbortController();
  const ids: number[] = [];
  for await (const { id } of chat.ask(QUESTIONS[0], { signal: controller.signal })) {
    ids.push(id);
    if (ids.length === 2) controller.abort();
  }
  assertEquals(ids, whole.ids.slice(0, 2));
  const end = chat.cache.tokenCount;
  assertEquals([chat.cache.tokenIds(end - 2), chat.turns], [ids, 1]);
  await ask(chat, QUESTIONS[1]);
  const text = model.tokenizer.decode(chat.cache.tokenIds(end));
  assert(text.startsWith(`<|im_end|>\n<|im_start|>user\n${QUESTIONS[1]}<|im_end|>\n`), text);
  const before = chat.cache.tokenCount;
  assertEquals((await ask(chat, QUESTIONS[2], AbortSignal.abort())).ids, []);
  assertEquals([chat.cache.tokenCount, chat.turns], [before, 2]);
});

Deno.test("room is made for a turn, within the ceiling, and never all of it", () => {
  fc.assert(fc.property(
    fc.record({
      pinned: fc.nat(200),
      question: fc.nat(500),
      answer: fc.nat(500),
      tokenBytes: fc.integer({ min: 1, max: 1e5 }),
      windowBytes: fc.integer({ min: 0, max: 1e6 }),
    }),
    fc.integer({ min: 16, max: 5000 }),
    (turn, free) => {
      const maxBytes = turn.windowBytes + (turn.pinned + free) * turn.tokenBytes;
      const { before, maxBytes: size, compressionInterval } = turnBudget(maxBytes, turn);
      assertEquals(size + compressionInterval * turn.tokenBytes, maxBytes);
      assert(before >= turn.windowBytes + (turn.pinned + free / 4) * turn.tokenBytes && before <= size);
      const room = (size - before) / turn.tokenBytes;
      assert(room >= Math.min(turn.question, Math.floor(free / 2)));
      assertThrows(() => turnBudget((turn.pinned + 15) * turn.tokenBytes, turn), RangeError, "give at least");
    },
  ));
});
