import { PORTRAIT, SPEECH } from "./fixtures.ts";

/** The same request whenever it is made, as files need not have been uploaded before. */
export function aForm(fields: Record<string, string> = {}): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("image", new File([new Uint8Array(PORTRAIT)], "me.png", { type: "image/png" }));
  form.set("audio", new File([new Uint8Array(SPEECH)], "me.wav", { type: "audio/wav" }));
  return form;
}
