/** One page of a headless Chromium. */
export interface Page extends AsyncDisposable {
  open(url: string): Promise<void>;
  /** Evaluates an expression in the page, awaits it, and returns its JSON value; what it throws is an Error here. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true; throws an Error that names `what` once `timeout` ms have passed. */
  waitUntil(expression: string, what: string, timeout: number): Promise<void>;
  /** Clicks with the mouse in the middle of the first visible element of a selector, and of a text if one is given. */
  click(selector: string, text?: string): Promise<void>;
  /** Moves the mouse over the middle of the first visible element of a selector. */
  hover(selector: string): Promise<void>;
  /** Presses a key, by its name in the DOM: `Tab`, `Enter`, `ArrowLeft`. */
  press(key: keyof typeof KEYS): Promise<void>;
  /** How the window looks, for the pages that are opened from now on. */
  setView(view: View): Promise<void>;
  /** What went wrong in pages until now: uncaught errors, and errors in the console. */
  readonly problems: readonly string[];
  /** A picture of what the window shows, as PNG. */
  screenshot(): Promise<Uint8Array>;
}

/** How a window looks. */
export interface View {
  /** Width and height in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly colors?: "light" | "dark";
  readonly scripts?: "on" | "off";
}

/** Keys by their numbers on Windows, which Chromium asks for. */
const KEYS = { Tab: 9, Enter: 13, End: 35, Home: 36, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 };

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/** No network but this machine, no first-run pages; the sandbox needs a user other than root. */
const FLAGS = [
  "--headless",
  "--remote-debugging-port=0",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--window-size=1400,1600",
  ...(Deno.uid() === 0 ? ["--no-sandbox"] : []),
];

/** The first Chromium on the PATH, or `undefined`. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of NAMES) {
    try {
      if ((await new Deno.Command(name, { args: ["--version"], stderr: "null" }).output()).success) return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Starts Chromium and drives one page of it over the DevTools protocol (https://chromedevtools.github.io). */
export async function startChromium(executable: string): Promise<Page> {
  const profile = await Deno.makeTempDir({ prefix: "kvmirror-chromium-" });
  const browser = new Deno.Command(executable, {
    args: [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const socket = new WebSocket(await devToolsAddress(browser.stderr));
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const problems: string[] = [];
  const send = commands(socket, (method, parameters) => {
    const problem = problemOf(method, parameters);
    if (problem !== undefined) problems.push(problem);
  });
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const call = (method: string, parameters: Record<string, unknown> = {}) =>
    send(method, parameters, sessionId as string);
  await call("Runtime.enable");
  await call("Log.enable");
  const evaluate = async <T>(expression: string): Promise<T> => {
    const answer = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = answer as unknown as Evaluated;
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value as T;
  };
  const waitUntil = async (expression: string, what: string, timeout: number): Promise<void> => {
    const deadline = performance.now() + timeout;
    while (!(await evaluate<boolean>(`Boolean(${expression})`))) {
      if (performance.now() > deadline) throw new Error(`Waited ${timeout / 1000} s for ${what}`);
      await new Promise((done) => setTimeout(done, 100));
    }
  };
  const pointAt = async (selector: string, text = ""): Promise<{ x: number; y: number }> => {
    const middle = `(() => {
        const element = [...document.querySelectorAll(${JSON.stringify(selector)})].find((one) =>
          one.checkVisibility() && one.textContent.includes(${JSON.stringify(text)}));
        const box = element?.getBoundingClientRect();
        return box && { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      })()`;
    await waitUntil(middle, `${selector} ${text}`, 20_000);
    const at = await evaluate<{ x: number; y: number }>(middle);
    await call("Input.dispatchMouseEvent", { type: "mouseMoved", ...at });
    return at;
  };
  return {
    open: async (url) => void await call("Page.navigate", { url }),
    evaluate,
    waitUntil,
    problems,
    hover: async (selector) => void await pointAt(selector),
    press: async (key) => {
      const code = KEYS[key];
      const event = { key, code: key, windowsVirtualKeyCode: code, ...(key === "Enter" && { text: "\r" }) };
      for (const type of ["keyDown", "keyUp"]) await call("Input.dispatchKeyEvent", { type, ...event });
    },
    setView: async ({ width, height, colors = "light", scripts = "on" }) => {
      await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
      const features = [{ name: "prefers-color-scheme", value: colors }];
      await call("Emulation.setEmulatedMedia", { features });
      await call("Emulation.setScriptExecutionDisabled", { value: scripts === "off" });
    },
    click: async (selector, text) => {
      const at = await pointAt(selector, text);
      for (const type of ["mousePressed", "mouseReleased"]) {
        await call("Input.dispatchMouseEvent", { type, ...at, button: "left", clickCount: 1 });
      }
    },
    screenshot: async () => Uint8Array.fromBase64((await call("Page.captureScreenshot")).data as string),
    [Symbol.asyncDispose]: async () => {
      socket.close();
      browser.kill("SIGKILL");
      await browser.status;
      await Deno.remove(profile, { recursive: true }).catch(() => {}); // its children may still write there
    },
  };
}

interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
}

type Answer = Record<string, unknown>;

/** A function that sends a command and awaits its answer. */
function commands(
  socket: WebSocket,
  onEvent: (method: string, parameters: Answer) => void,
): (method: string, params: Answer, sessionId?: string) => Promise<Answer> {
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let count = 0;
  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(data);
    if (id === undefined) return onEvent(method, params);
    if (error !== undefined) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  };
  return (method, params, sessionId) => {
    const answer = Promise.withResolvers<Answer>();
    waiting.set(++count, answer);
    socket.send(JSON.stringify({ id: count, method, params, sessionId }));
    return answer.promise;
  };
}

/** The error that an event of the DevTools protocol tells of. */
function problemOf(method: string, parameters: Answer): string | undefined {
  const { exceptionDetails, type, args, entry } = parameters as {
    exceptionDetails?: Evaluated["exceptionDetails"];
    type?: string;
    args?: readonly { value?: unknown; description?: string }[];
    entry?: { level: string; text: string; url?: string };
  };
  switch (method) {
    case "Runtime.exceptionThrown":
      return exceptionDetails?.exception?.description ?? exceptionDetails?.text;
    case "Runtime.consoleAPICalled":
      return ["error", "assert"].includes(type ?? "")
        ? args?.map(({ value, description }) => description ?? value).join(" ")
        : undefined;
    case "Log.entryAdded":
      return entry?.level === "error" ? `${entry.text} ${entry.url ?? ""}` : undefined;
  }
}

async function devToolsAddress(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const piece of stderr.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })) {
    text += piece;
    const address = text.match(/DevTools listening on (ws:\S+)/)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error(`Cannot start Chromium: ${text.trim().split("\n").at(-1)}`);
}
