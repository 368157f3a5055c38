import { createReadStream } from "node:fs";
import RunwayML from "@runwayml/sdk";

const input = {
  model: "gen4_turbo",
  promptImage: "https://example.com/a.png",
  ratio: "1280:720",
  duration: 5,
};

export function connect(baseURL) {
  const runway = new RunwayML({ apiKey: "key_1", baseURL });
  return {
    run: (signal) => runway.imageToVideo.create(input, { signal }).waitForTaskOutput({ abortSignal: signal }),
    upload: (path) => runway.uploads.createEphemeral({ file: createReadStream(path) }),
  };
}
