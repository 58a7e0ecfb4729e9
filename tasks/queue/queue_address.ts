import { UsageError } from "../cli/usage_error.ts";

/** Where a queue is. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly isEncrypted: boolean;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
  /** Begins the names of all its keys. */
  readonly prefix: string;
}

/** Redis's own port. */
const DEFAULT_PORT = 6379;

/**
 * Reads `redis://host:port` or, through TLS, `rediss://user:password@host:port/database`; without a password in it, the
 * variable `KVMIRROR_QUEUE_PASSWORD` is one, which no list of processes shows.
 *
 * @throws {UsageError} if it is neither, or the prefix is no word
 */
export function parseQueueAddress(url: string, prefix: string): QueueAddress {
  const refused = (why: string) =>
    new UsageError(`Cannot use --queue ${withoutPassword(url)} as ${why}: write it like redis://host:${DEFAULT_PORT}`);
  if (!/^[\w-]{1,60}$/.test(prefix)) {
    throw new UsageError(`Cannot use --prefix ${prefix} as it must be of letters, digits, _ and -, 60 at most`);
  }
  if (!URL.canParse(url)) throw refused("it is no address");
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  if (protocol !== "redis:" && protocol !== "rediss:") throw refused(`${protocol}// is neither redis:// nor rediss://`);
  if (hostname === "") throw refused("it names no host");
  if (!/^\/?\d{0,4}$/.test(pathname) || search !== "" || hash !== "") {
    throw refused("behind the host there may be the number of a database and no more");
  }
  const decoded = (text: string) => {
    try {
      return decodeURIComponent(text);
    } catch {
      throw refused("a % in it begins no character");
    }
  };
  const secret = password === "" ? Deno.env.get("KVMIRROR_QUEUE_PASSWORD") ?? "" : decoded(password);
  return {
    host: decoded(hostname).replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? DEFAULT_PORT : Number(port),
    isEncrypted: protocol === "rediss:",
    database: Number(pathname.slice(1)),
    username: username === "" ? undefined : decoded(username),
    password: secret === "" ? undefined : secret,
    prefix,
  };
}

/** An address as people may read it: without its password. */
export function addressLabel({ host, port, isEncrypted }: QueueAddress): string {
  return `${isEncrypted ? "rediss" : "redis"}://${hostAndPort({ host, port })}`;
}

/** The host and port, as Deno's permissions and addresses write them. */
export function hostAndPort({ host, port }: Pick<QueueAddress, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//…@");
}
