import { fileURLToPath } from "node:url";

/** Where a study lies that comes with the project, as it is too long to be run again each time. */
export function studyPath(name: string): string {
  return fileURLToPath(new URL(`../../data/studies/${name}.json`, import.meta.url));
}
