/** The findings that stand as a list at the top of the README, as Markdown. */
export function readmeFindings(readme: string): string[] {
  const [opening] = readme.split(/^## /m);
  return [...opening.matchAll(/^- \*\*.*(?:\n {2}.*)*/gm)].map(([item]) => item.slice(2).replaceAll(/\n +/g, " "));
}
