import { Avatar } from "@avatar/client";
import { file } from "@avatar/client/node";

const input = { image: "https://example.com/a.png", audio: "https://example.com/b.wav" };

export function connect(baseUrl) {
  const avatar = new Avatar({ apiKey: "avk_test_1", baseUrl });
  return {
    run: (signal) => avatar.generate(input, { signal }),
    upload: (path) => avatar.upload(file(path)),
  };
}
