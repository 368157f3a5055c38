import { AssemblyAI } from "assemblyai";

export function connect(baseUrl) {
  const assembly = new AssemblyAI({ apiKey: "key_1", baseUrl });
  return {
    run: () => assembly.transcripts.transcribe({ audio: "https://example.com/b.wav" }),
    upload: (path) => assembly.files.upload(path),
  };
}
