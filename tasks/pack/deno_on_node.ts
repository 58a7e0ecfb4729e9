/**
 * What `lib/` uses of `Deno`, on Node: `deno task pack` puts this beside the package's modules. `@deno/shim-deno` is
 * most of it; files that seek, temporary names in a folder and locks are not in it.
 */
import { Deno as shim } from "@deno/shim-deno";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { Buffer } from "node:buffer";
import { tmpdir } from "node:os";
import process from "node:process";

/** An open file of the shim: `rid` is Node's file descriptor. */
interface ShimFile {
  readonly rid: number;
  statSync(): { size: number };
}

/** Where the next read or write of a file begins, in bytes. */
const positions = new WeakMap<ShimFile, number>();

function move(file: ShimFile, count: number): number {
  positions.set(file, (positions.get(file) ?? 0) + count);
  return count;
}

Object.assign(shim.FsFile.prototype, {
  seekSync(this: ShimFile, offset: number | bigint, whence: number): number {
    const { Start, Current } = shim.SeekMode;
    const from = whence === Start ? 0 : whence === Current ? positions.get(this) ?? 0 : this.statSync().size;
    positions.set(this, from + Number(offset));
    return from + Number(offset);
  },
  readSync(this: ShimFile, bytes: Uint8Array): number | null {
    const count = readSync(this.rid, bytes, 0, bytes.length, positions.get(this) ?? 0);
    return count === 0 && bytes.length > 0 ? null : move(this, count);
  },
  writeSync(this: ShimFile, bytes: Uint8Array): number {
    return move(this, writeSync(this.rid, bytes, 0, bytes.length, positions.get(this) ?? 0));
  },
  async read(
    this: ShimFile & { readSync(bytes: Uint8Array): number | null },
    bytes: Uint8Array,
  ): Promise<number | null> {
    return await Promise.resolve(this.readSync(bytes));
  },
  async write(this: ShimFile & { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): Promise<number> {
    return await Promise.resolve(this.writeSync(bytes));
  },
  syncSync(this: ShimFile): void {
    fsyncSync(this.rid);
  },
  // Node has no file locks: two processes that build one model both build it, and one of the builds stays.
  lock: () => Promise.resolve(),
  unlock: () => Promise.resolve(),
});

interface TemporaryName {
  readonly dir?: string;
  readonly prefix?: string;
  readonly suffix?: string;
}

function temporaryName({ dir = tmpdir(), prefix = "", suffix = "" }: TemporaryName = {}): string {
  return `${dir}/${prefix}${randomUUID().slice(0, 8)}${suffix}`;
}

function makeTempDirSync(name?: TemporaryName): string {
  const path = temporaryName(name);
  mkdirSync(path, { mode: 0o700 });
  return path;
}

function makeTempFileSync(name?: TemporaryName): string {
  const path = temporaryName(name);
  closeSync(openSync(path, "wx", 0o600));
  return path;
}

interface CommandOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdout?: "piped" | "null" | "inherit";
  readonly stderr?: "piped" | "null" | "inherit";
  readonly signal?: AbortSignal;
}

/** Deno's way of saying what becomes of a stream, in Node's. */
const STREAMS = { piped: "pipe", null: "ignore", inherit: "inherit" } as const;

/** A program to run, as pip: of `Deno.Command`, its `output`. */
class Command {
  constructor(readonly program: string, readonly options: CommandOptions = {}) {}

  output(): Promise<{ success: boolean; code: number; stdout: Uint8Array; stderr: Uint8Array }> {
    const { args = [], cwd, env, stdout = "piped", stderr = "piped", signal } = this.options;
    const child = spawn(this.program, args, {
      cwd,
      env: { ...process.env, ...env },
      signal,
      stdio: ["ignore", STREAMS[stdout], STREAMS[stderr]],
    });
    const said: Uint8Array[][] = [[], []];
    child.stdout?.on("data", (bytes: Uint8Array) => said[0].push(bytes));
    child.stderr?.on("data", (bytes: Uint8Array) => said[1].push(bytes));
    return new Promise((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        reject(error.code === "ENOENT" ? new shim.errors.NotFound(error.message) : error);
      });
      child.on("close", (code) => {
        const [out, err] = said.map((parts) => new Uint8Array(Buffer.concat(parts)));
        resolve({ success: code === 0, code: code ?? 1, stdout: out, stderr: err });
      });
    });
  }
}

/** The language's own from Node 24 on: what it was given is disposed of in the opposite order. */
class Disposables implements Disposable {
  #held: (() => void)[] = [];

  use<T extends Disposable | null | undefined>(value: T): T {
    if (value) this.#held.push(() => value[Symbol.dispose]());
    return value;
  }

  adopt<T>(value: T, dispose: (value: T) => void): T {
    this.#held.push(() => dispose(value));
    return value;
  }

  defer(dispose: () => void): void {
    this.#held.push(dispose);
  }

  move(): Disposables {
    const moved = new Disposables();
    [moved.#held, this.#held] = [this.#held, []];
    return moved;
  }

  dispose(): void {
    for (let dispose = this.#held.pop(); dispose; dispose = this.#held.pop()) dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Node 22 has none. */
export const DisposableStack: typeof Disposables = Disposables;

/** The shim, and what it lacks. */
export const Deno: object = {
  ...shim,
  Command,
  errors: { ...shim.errors, NotCapable: class NotCapable extends Error {}, IsADirectory: class extends Error {} },
  makeTempDirSync,
  makeTempFileSync,
  makeTempDir: (name?: TemporaryName) => Promise.resolve(makeTempDirSync(name)),
  makeTempFile: (name?: TemporaryName) => Promise.resolve(makeTempFileSync(name)),
};
