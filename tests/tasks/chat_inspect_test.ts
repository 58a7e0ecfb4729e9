import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseInspection } from "kvmirror";
import { findChromium, startChromium } from "../browser/chromium.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Starts a chat as the task does, with its permissions, and no others. */
function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=engine", "--allow-write", "tasks/chat.ts", "--model", "tiny", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** What a chat says on stderr, as it comes. */
class Said {
  #text = "";
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(child: Deno.ChildProcess) {
    this.#reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits until it says something, and returns what it said until then. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#text)) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`the chat ended before ${pattern}: ${this.#text}`);
      this.#text += value;
    }
    return this.#text;
  }

  async end(): Promise<void> {
    while (!(await this.#reader.read()).done);
  }
}

Deno.test("chat --inspect: a page behind a random path follows the conversation; a taken port is one line", async () => {
  const child = start("--inspect", "--inspect-port", "0", "--max-cache", "120KB", "--max-new-tokens", "8");
  const said = new Said(child);
  const writer = child.stdin.getWriter();
  const ask = (line: string) => writer.write(new TextEncoder().encode(`${line}\n`));
  try {
    const [, address, port] = (await said.until(/type a question|live \(/)).match(
      /(http:\/\/127\.0\.0\.1:(\d+)\/[0-9a-f]{32}\/)/,
    )!;
    const page = await fetch(address);
    const html = await page.text();
    assertMatch(html, /data-events="events"/);
    assertMatch(html, /connect-src 'self'/);
    assertEquals([page.status, page.headers.get("cache-control")], [200, "no-store"]);
    for (const path of ["", "events", `${"0".repeat(32)}/`]) {
      const other = await fetch(`http://127.0.0.1:${port}/${path}`);
      assertEquals([other.status, await other.text()], [404, "Nothing is here.\n"]);
    }
    // Another host's name that leads to this machine, and anything but GET.
    for (const [url, method] of [[address.replace("127.0.0.1", "localhost"), "GET"], [address, "POST"]]) {
      const refused = await fetch(url, { method }).catch(() => undefined);
      await refused?.body?.cancel();
      assert(refused === undefined || refused.status === 404, `${method} ${url}`);
    }
    const events = (await fetch(`${address}events`)).body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const next = async () => {
      while (!text.includes("\n\n")) text += (await events.read()).value ?? "";
      const [event, ...rest] = text.split("\n\n");
      text = rest.join("\n\n");
      return parseInspection(event.replace(/^data: /, ""));
    };
    const before = await next();
    await ask("The dog is called Rex. What is the dog called?");
    await ask("The cat is called Felix. What is the cat called, and where does it sleep in the afternoon?");
    let after = await next();
    while (!after.tokens.join("").includes("afternoon")) after = await next();
    assert(after.tokens.length > before.tokens.length);
    const [{ policy, frames: [{ tokens, kept, liveBytes }] }] = after.tracks;
    assertEquals([policy, tokens], ["adakv(expected_attention(epsilon=0.01))", after.tokens.length]);
    assert(liveBytes! <= 120_000 && kept.flat().some(({ length }) => length < tokens), "rows were evicted");
    await events.cancel();

    const chromium = await findChromium();
    if (chromium !== undefined) {
      await using browser = await startChromium(chromium);
      await browser.setView({ width: 400, height: 800 });
      await browser.open(address);
      await browser.waitUntil(`document.getElementById("state")?.textContent.startsWith("Live")`, "events", 60_000);
      const count = `document.querySelectorAll(".text span").length`;
      const seen = await browser.evaluate<number>(count);
      await ask("Where is the mill?");
      await browser.waitUntil(
        `${count} > ${seen} && document.querySelector(".text").textContent.includes("mill")`,
        "more tokens",
        60_000,
      );
      assert(await browser.evaluate<number>(`document.getElementById("moment").max`) >= 1, "moments to go back to");
      assert(await browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"));
      assertEquals(browser.problems, []);
    }

    const second = start("--inspect", "--inspect-port", port);
    await second.stdin.close();
    const { code, stderr } = await second.output();
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    assertEquals([code, lines.length], [2, 1], lines.join("\n"));
    assertMatch(
      lines[0],
      new RegExp(
        `Cannot show the cache at 127\\.0\\.0\\.1:${port} as another program has that port: give --inspect-port`,
      ),
    );
  } finally {
    await writer.close().catch(() => {});
    await said.end();
    assertEquals((await child.status).code, 0);
  }
});

Deno.test("chat --inspect-port: a port that is none, or without a page, is refused before a model is loaded", async () => {
  for (
    const [args, message] of [[["--inspect", "--inspect-port", "70000"], /70000 as it must be in \[0, 65535\]/], [[
      "--inspect-port",
      "9000",
    ], /give --inspect as well/]] as const
  ) {
    const child = start(...args);
    await child.stdin.close();
    const { code, stderr } = await child.output();
    assertEquals(code, 2);
    assertMatch(new TextDecoder().decode(stderr), message);
  }
});
