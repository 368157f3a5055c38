/**
 * Machine-readable mark that a video is synthetic, written to the MP4's comment tag. The term is IPTC's
 * digital source type: https://cv.iptc.org/newscodes/digitalsourcetype/
 */
export const AI_MARK = JSON.stringify({
  aiGenerated: true,
  digitalSourceType: "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
  generator: "avatar preview engine",
});
