/**
 * Writes `value` as an indented JSON document that is the same for the same value.
 *
 * Throws a TypeError that names the place of a value JSON would lose: BigInt, NaN, an infinity, `undefined` in a list.
 */
export function jsonReport(value: unknown): string {
  check(value, "$");
  return `${JSON.stringify(value, null, 2)}\n`;
}

function check(value: unknown, path: string): void {
  if (typeof value === "bigint" || typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`Cannot write ${path} as JSON has no ${typeof value}: convert it first`);
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`Cannot write ${path} as JSON has no ${value}: use null`);
  }
  if (ArrayBuffer.isView(value)) throw new TypeError(`Cannot write ${path} as it is a typed array: use Array.from`);
  if (Array.isArray(value)) {
    value.forEach((item, index) => check(item === undefined ? NaN : item, `${path}[${index}]`));
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) check(item, `${path}.${name}`);
  }
}
