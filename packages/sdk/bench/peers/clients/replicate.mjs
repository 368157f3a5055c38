import { readFile } from "node:fs/promises";
import Replicate from "replicate";

export function connect(url, options) {
  const replicate = new Replicate({ auth: "r8_1", baseUrl: `${url}/v1` });
  return {
    run: (signal) => replicate.run("owner/model", { input: { prompt: "a" }, signal, ...options }),
    upload: async (path) => replicate.files.create(await readFile(path)),
  };
}
