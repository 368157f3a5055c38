import Anthropic from "@anthropic-ai/sdk";

const input = { model: "claude", max_tokens: 9, messages: [{ role: "user", content: "a" }] };

export function connect(baseURL) {
  const anthropic = new Anthropic({ apiKey: "key_1", baseURL });
  return { run: (signal) => anthropic.messages.create(input, { signal }) };
}
