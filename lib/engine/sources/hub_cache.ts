/**
 * The snapshot of a repository in Hugging Face's own cache on this machine (`HF_HUB_CACHE`, else `HF_HOME/hub`, else
 * `~/.cache/huggingface/hub`), if its weights are there.
 *
 * @param repository `owner/name`
 */
export function findInHubCache(repository: string): string | undefined {
  const root = hubCacheFolder();
  if (root === undefined) return undefined;
  const folder = `${root}/models--${repository.replaceAll("/", "--")}`;
  const revision = readText(`${folder}/refs/main`)?.trim();
  if (revision === undefined || !/^[0-9a-f]+$/.test(revision)) return undefined;
  const snapshot = `${folder}/snapshots/${revision}`;
  return isWholeModel(snapshot) ? snapshot : undefined;
}

/** Whether a folder has a configuration, a tokenizer and weights. */
export function isWholeModel(folder: string): boolean {
  const weights = [`${folder}/model.safetensors`, `${folder}/model.safetensors.index.json`];
  return isFile(`${folder}/config.json`) && isFile(`${folder}/tokenizer.json`) && weights.some(isFile);
}

function hubCacheFolder(): string | undefined {
  const variable = (name: string) => Deno.env.get(name) || undefined;
  const own = variable("HF_HUB_CACHE");
  if (own !== undefined) return own;
  const home = variable("HOME") ?? variable("USERPROFILE");
  const huggingFace = variable("HF_HOME") ?? (home === undefined ? undefined : `${home}/.cache/huggingface`);
  return huggingFace === undefined ? undefined : `${huggingFace}/hub`;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
