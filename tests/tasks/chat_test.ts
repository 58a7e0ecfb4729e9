import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { cacheDtypeName, loadModel } from "kvmirror/engine";
import { checkpointPath } from "../fixtures/golden.ts";
import { runTask, type TaskResult } from "../fixtures/run_task.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SYSTEM = "Sam's dog is called Biscuit. Ann's cat is called Felix.";
const SMALL = ["--model", "tiny", "--system", SYSTEM, "--max-new-tokens", "24"];

/** Starts a chat as the task does, with its permissions. */
function start(args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=engine", "--allow-write", "tasks/chat.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a chat with these lines as its input. */
async function chat(args: readonly string[], lines: readonly string[]): Promise<TaskResult> {
  const child = start(args);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""))).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const parsed = (stdout: string) => stdout.trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("chat: answers alone on stdout, bytes on stderr, under the ceiling; a line of JSON a turn says the same", async () => {
  const lines = ["What is Sam's dog called?", "", "What is Ann's cat called?", "And who is Felix?"];
  const limits = ["--max-cache", "250KB", "--policy", "snapkv"];
  const plain = await chat([...SMALL, ...limits], lines);
  assertEquals(plain.code, 0, plain.stderr);
  const json = await chat([...SMALL, ...limits, "--json"], lines);
  const turns = parsed(json.stdout);
  assertEquals(turns.map(({ text }) => `${text}\n`).join(""), plain.stdout);
  assertEquals(turns.map(({ turn, question }) => [turn, question]), [[1, lines[0]], [2, lines[2]], [3, lines[3]]]);
  for (const turn of turns) {
    assert(turn.live_bytes <= 250_000 && turn.peak_bytes <= 250_000 && turn.live_bytes <= turn.full_bytes);
    assertEquals([turn.max_cache, turn.policy, turn.model, turn.interrupted], [250_000, "snapkv", "tiny", false]);
  }
  assert(turns[2].live_bytes < turns[2].full_bytes);
  assertEquals(plain.stderr.match(/\d+\.\d KiB of 244\.1 KiB live/g)?.length, 4);
});

Deno.test("chat --cache-dtype: a conversation under the same ceiling keeps more of itself, and its file says how", async () => {
  await withFolder(async (_, folder) => {
    const lines = ["What is Sam's dog called?", "What is Ann's cat called?", "And who is Felix?", "Where is the mill?"];
    const limits = ["--max-cache", "400KB", "--policy", "streaming_llm"];
    const rows = ["--cache-dtype", "int8", "--residual-length", "8"];
    const float = await chat([...SMALL, ...limits, "--save", `${folder}/float`], lines);
    const rounded = await chat([...SMALL, ...limits, ...rows, "--json", "--save", `${folder}/rounded`], lines);
    assertEquals([float.code, rounded.code], [0, 0], rounded.stderr);
    for (const turn of parsed(rounded.stdout)) {
      assert(turn.peak_bytes <= 400_000, `${turn.peak_bytes}`);
      assertEquals(turn.cache_dtype, "int8");
    }
    const held = async (name: string) => {
      await using model = await loadModel("tiny");
      using cache = await model.loadCache(`${folder}/${name}`);
      return [cache.longestHead, cacheDtypeName(cache.cacheDtype)];
    };
    const [[few], [many, format]] = [await held("float"), await held("rounded")];
    assertEquals(format, "int8");
    assert(many > few, `${many} rows in int8, ${few} in float32`);
    const on = await chat(["--model", "tiny", "--load", `${folder}/rounded`, "--json"], ["Who?"]);
    assertEquals(parsed(on.stdout)[0].cache_dtype, "int8");
  });
});

Deno.test("chat: turns are taken back, kept in a file and gone on with as if nothing had come between", async () => {
  await withFolder(async (_, folder) => {
    const [first, second, third] = ["What is Sam's dog called?", "What is Ann's cat called?", "And who is Felix?"];
    const straight = parsed((await chat([...SMALL, "--json"], [first, second, third])).stdout);
    const file = `${folder}/talk.kvcache`;
    const begun = await chat([...SMALL, "--json", "--save", `${folder}/end.kvcache`], [
      first,
      third,
      "/rewind",
      second,
      `/save ${file}`,
      third,
      "/rewind 3",
      "/stats",
      "/help",
      "/quit",
      "never asked",
    ]);
    assertEquals(begun.code, 0, begun.stderr);
    assertEquals(parsed(begun.stdout).map(({ text }) => text), [
      straight[0].text,
      parsed(begun.stdout)[1].text,
      straight[1].text,
      straight[2].text,
    ]);
    assertMatch(
      begun.stderr,
      /back at turn 1;[^\n]*\n[^]*saved to [^]*back at turn 0;[^]*rows a head: (\d+) to \1, \1 of/,
    );
    assertMatch(begun.stderr, /\/policy NAME/);
    const rest = await chat([...SMALL, "--json", "--load", file], [third]);
    assertEquals(parsed(rest.stdout).map(({ turn, ids }) => [turn, ids]), [[3, straight[2].ids]]);
    const anew = await chat(
      ["--model", "tiny", "--max-new-tokens", "24", "--json", "--load", `${folder}/end.kvcache`],
      [
        first,
      ],
    );
    assertEquals(parsed(anew.stdout)[0].ids, straight[0].ids);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["end.kvcache", "talk.kvcache"]);
  });
});

Deno.test("chat: what is typed wrong is one line, the conversation goes on, and a script hears of it", async () => {
  const { code, stdout, stderr } = await chat([...SMALL, "--max-cache", "250KB"], [
    "/rewnd",
    "/rewind",
    "/rewind two",
    "/policy",
    "/policy snapvk",
    "/policy kvzip",
    "/save",
    "/save /no/such/folder/file",
    "//not a command",
    "/policy h2o",
  ]);
  assertEquals(code, 1);
  const errors = stderr.split("\n").filter((line) => line.startsWith("error: "));
  assertEquals(errors.length, 8, stderr);
  const patterns = [
    /did you mean \/rewind/,
    /Cannot take back 1 turns as there are 0/,
    /Cannot take back two turns: write/,
    /Cannot take a policy without a name/,
    /did you mean snapkv/,
    /needs reconstruction, a second look/,
    /Cannot save to no file/,
    /Cannot write \/no\/such\/folder\/file as its folder does not exist: make the folder first/,
  ];
  patterns.forEach((pattern, index) => assertMatch(errors[index], pattern));
  assertMatch(stderr, /h2o chooses what stays/);
  assert(stdout.length > 0);
});

Deno.test("chat: wrong flags and wrong files are exit 2, one line each", async () => {
  await withFolder(async (_, folder) => {
    const other = ["--model", checkpointPath("qwen2_untied_f32"), "--weights", "f32"];
    assertEquals((await chat([...SMALL, "--save", `${folder}/c`], ["Hello"])).code, 0);
    const bytes = await Deno.readFile(`${folder}/c`);
    await Deno.writeFile(`${folder}/cut`, bytes.subarray(0, 1000));
    const wrong: [string[], number, RegExp][] = [
      [["--max-cache", "8 parsecs"], 2, /--max-cache 8 parsecs/],
      [["--max-cache", "1KB", "--model", "tiny"], 2, /Cannot chat within 1000 bytes as .* give at least/],
      [["--cache-dtype", "int3"], 2, /int3 is none of/],
      [["--load", `${folder}/c`, "--cache-dtype", "int8"], 2, /its file says how/],
      [["--policy", "snapvk"], 2, /did you mean snapkv/],
      [["--policy", "snapkv"], 2, /by --policy as nothing is evicted: give --max-cache/],
      [["--policy", "oracle", "--max-cache", "8MB", "--model", "tiny"], 2, /still to come/],
      [["--policy", "kvzip", "--max-cache", "8MB", "--model", "tiny"], 2, /second look/],
      [["--max-new-tokens", "0"], 2, /at least 1/],
      [["--system", "a", "--system-file", "b"], 2, /two system prompts/],
      [["--system-file", `${folder}/none`], 2, /no such file/],
      [["--load", `${folder}/none`], 2, /no such file/],
      [["--save", folder], 2, /is a folder/],
      [["--colour"], 2, /not a flag/],
      [["Hello?"], 2, /the word Hello\? as chat takes flags only/],
      [["--model", "tiny", "--load", `${folder}/c`, "--system", "Another."], 2, /begins with another system prompt/],
      [["--model", "tiny", "--load", `${folder}/cut`], 2, /damaged or cut short/],
      [[...other, "--load", `${folder}/c`], 2, /is of model tiny/],
      [["--model", "tiny", "--weights", "f32", "--load", `${folder}/c`], 2, /made with int8 weights/],
    ];
    for (const [args, exit, message] of wrong) {
      const { code, stdout, stderr } = await chat(args, ["Hello"]);
      assertEquals([code, stdout], [exit, ""], `${args.join(" ")}: ${stderr}`);
      const errors = stderr.trimEnd().split("\n").filter((line) => !line.startsWith("model "));
      assertEquals(errors.length, 1, stderr);
      assertMatch(errors[0], message);
    }
    const listed = await runTask(["chat", "--colour"]);
    assertEquals(listed.code, 2, listed.stderr);
  });
});

/** Reads a stream until it has said something. */
async function until(stream: ReadableStreamDefaultReader<Uint8Array>, said: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!said.test(text)) {
    const { value, done } = await stream.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

Deno.test("chat: Ctrl-C ends the answer, and between answers the program; files stay sound", async () => {
  await withFolder(async (_, folder) => {
    const file = `${folder}/c`;
    const child = start(["--model", "tiny", "--max-new-tokens", "3000", "--max-cache", "200KB"]);
    const [writer, answers, notices] = [child.stdin.getWriter(), child.stdout.getReader(), child.stderr.getReader()];
    const say = (line: string) => writer.write(new TextEncoder().encode(`${line}\n`));
    try {
      await say("Count: 1, 2, 3, 4");
      await until(answers, /VAR/);
      child.kill("SIGINT");
      // The answer ends, the conversation goes on.
      await until(notices, /KiB live[^]*KiB live/);
      await say(`/save ${file}`);
      await until(notices, /saved to/);
      await new Promise((done) => setTimeout(done, 400)); // sooner, it would be the first signal again
      child.kill("SIGINT");
      assertEquals((await child.status).code, 130);
    } finally {
      await Promise.allSettled([writer.close(), answers.cancel(), notices.cancel()]);
    }
    const { code, stdout } = await chat(["--model", "tiny", "--load", file, "--max-new-tokens", "4", "--json"], ["Hi"]);
    assertEquals([code, parsed(stdout)[0].turn], [0, 2]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["c"]);
  });
});
