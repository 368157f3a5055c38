import { readFile } from "node:fs/promises";
import { createHiggsfieldClient } from "@higgsfield/client/v2";

export function connect(url) {
  const higgsfield = createHiggsfieldClient({ credentials: "id:secret", baseURL: url, agentBaseURL: url });
  return {
    run: () => higgsfield.subscribe("owner/model", { input: { prompt: "a" } }),
    upload: async (path) => higgsfield.agents.media.upload(await readFile(path), "wav", "audio"),
  };
}
