import { Client } from "wavespeed";

export function connect(baseUrl) {
  const wavespeed = new Client("key_1", { baseUrl });
  return {
    run: () => wavespeed.run("owner/model", { prompt: "a" }),
    upload: (path) => wavespeed.upload(path),
  };
}
