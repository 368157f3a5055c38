import { createReadStream } from "node:fs";
import OpenAI from "openai";

export function connect(url) {
  const openai = new OpenAI({ apiKey: "sk-1", baseURL: `${url}/v1` });
  return {
    run: (signal) =>
      openai.vectorStores.fileBatches.createAndPoll("vs_1", { file_ids: ["file_1"] }, { signal }),
    upload: (path) => openai.files.create({ file: createReadStream(path), purpose: "user_data" }),
  };
}
