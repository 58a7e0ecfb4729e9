import { holdFolder } from "../files/held_folder.ts";
import { within } from "./within.ts";

/** Where a kernel listens, and the key that both ends sign with. */
export interface KernelAddress {
  readonly key: string;
  readonly ports: { readonly shell: number; readonly control: number; readonly iopub: number };
}

/** A running `deno jupyter --kernel`. */
export interface KernelProcess extends AsyncDisposable {
  readonly address: KernelAddress;
  /** What came on stdout and stderr, the last of it: native addons and child processes write there, past the notebook. */
  readonly log: () => string;
  /** How the process ended, in words. */
  readonly ended: Promise<string>;
}

/** Options of {@linkcode startKernelProcess}. */
export interface KernelProcessOptions {
  /** The folder the notebook is in: relative imports and paths start here. */
  readonly cwd: string;
  /** The Deno to start; default: this one. */
  readonly executable?: string;
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Characters of a kernel's own output that are kept, for the message when it dies. */
const LOG_LIMIT = 1 << 16;

/** How long the last of it may take to arrive after the end, in ms. */
const LOG_PATIENCE = 500;

/** Starts a kernel; it may not be listening yet. Disposing kills it and removes its connection file. */
export async function startKernelProcess({ cwd, executable, env }: KernelProcessOptions): Promise<KernelProcess> {
  const folder = await holdFolder("kvmirror-kernel-");
  const [shell, control, iopub, stdin, heartbeat] = freePorts(5);
  const key = crypto.randomUUID();
  const connection = {
    transport: "tcp",
    ip: "127.0.0.1",
    key,
    signature_scheme: "hmac-sha256",
    kernel_name: "deno",
    shell_port: shell,
    control_port: control,
    iopub_port: iopub,
    stdin_port: stdin,
    hb_port: heartbeat,
  };
  const file = `${folder.path}/connection.json`;
  await Deno.writeTextFile(file, JSON.stringify(connection), { mode: 0o600 });
  const child = new Deno.Command(executable ?? Deno.execPath(), {
    args: ["jupyter", "--kernel", "--conn", file],
    cwd,
    env: { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  const keep = (text: string) => log = (log + text).slice(-LOG_LIMIT);
  const readers = [child.stdout.getReader(), child.stderr.getReader()];
  const drained = Promise.all(readers.map((reader) => drain(reader, keep)));
  const ended = child.status.then(({ code, signal }) => signal === null ? `exit ${code}` : `signal ${signal}`);
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await ended;
    await within(LOG_PATIENCE, drained);
    await Promise.all(readers.map((reader) => reader.cancel())); // a child of the kernel may still hold the other end
    await drained;
    await folder[Symbol.asyncDispose]();
  };
  let disposed: Promise<void> | undefined;
  return {
    address: { key, ports: { shell, control, iopub } },
    log: () => log,
    ended,
    [Symbol.asyncDispose]: () => disposed ??= end(),
  };
}

/** Ports that nothing listens on at this moment: the kernel opens them itself, by number. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>, keep: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    keep(decoder.decode(value, { stream: true }));
  }
}
