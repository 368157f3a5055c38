/** Image formats we decode, told by their first bytes and never by a file name. */
export type ImageType = "jpeg" | "png" | "webp";

export function findImageType(start: Buffer): ImageType | undefined {
  if (start.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))) return "jpeg";
  if (start.subarray(0, 8).equals(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"))) return "png";
  if (start.toString("latin1", 0, 4) === "RIFF" && start.toString("latin1", 8, 12) === "WEBP") return "webp";
  return undefined;
}

/** Whether the file stops before the end its format announces. Only asked once a decoder has complained. */
export function isImageTruncated(type: ImageType, bytes: Buffer): boolean {
  switch (type) {
    case "jpeg":
      return bytes.lastIndexOf(Buffer.from([0xff, 0xd9])) < bytes.length - 64;
    case "png":
      return !bytes.subarray(-64).includes("IEND");
    case "webp":
      return bytes.length < bytes.readUInt32LE(4) + 8;
  }
}
