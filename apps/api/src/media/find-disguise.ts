/** Where readers of PDF look for its header. */
const PDF_BYTES = 1024;
const ZIP_END = Buffer.from("PK\x05\x06\0\0\0\0", "latin1");

/**
 * What else a file is beside an image: programs that look for a web page, a document or an archive find one in spite of
 * the image around it. No camera and no editor makes such files, so nobody who means well sends one.
 * @param head the first kilobytes of the file
 * @param tail its last 64 KB, where the directory of an archive ends
 */
export function findDisguise(head: Buffer, tail: Buffer): "HTML" | "PDF" | "ZIP" | undefined {
  if (/<(?:script|html|!doctype)/i.test(head.toString("latin1"))) return "HTML";
  if (head.subarray(0, PDF_BYTES).includes("%PDF-")) return "PDF";
  return tail.includes(ZIP_END) ? "ZIP" : undefined;
}
