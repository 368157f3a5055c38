import { aPng, aWav } from "../media/media-files.ts";

/** One part of a form; with `fileName` it is a file. */
export interface Part {
  name: string;
  content: string | Uint8Array;
  fileName?: string;
  type?: string;
}

const BOUNDARY = "-----boundary";

export const FORM_TYPE = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };

/** Written by hand, because libraries write no broken forms. */
export function multipart(parts: Part[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const written = parts.flatMap(({ name, content, fileName, type }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`,
    fileName === undefined ? "" : `; filename="${fileName}"`,
    type === undefined ? "" : `\r\nContent-Type: ${type}`,
    "\r\n\r\n",
    content,
    "\r\n",
  ]);
  return Buffer.concat([...written, end].map((piece) => Buffer.from(piece as string)));
}

/** A form that makes a job. */
export const aForm = (): Buffer =>
  multipart([
    { name: "image", content: aPng(), fileName: "me.png", type: "image/png" },
    { name: "audio", content: aWav(), fileName: "me.wav", type: "audio/wav" },
  ]);
