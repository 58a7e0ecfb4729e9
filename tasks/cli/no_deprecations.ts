/**
 * Silences what Node's packages warn of on stderr, as that the module `punycode` is deprecated, which a package of vega
 * imports: a user can do nothing about it. It has to be imported before them.
 */
import process from "node:process";

Object.assign(process, { noDeprecation: true });
