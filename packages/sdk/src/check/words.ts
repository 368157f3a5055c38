/** The contract's words, of these codes alone; a test keeps them equal. */
export const HINTS = {
  empty_file: "Check that the file was read before it was sent.",
  media_type_mismatch:
    "Declare the type that the file really has, and send an image as `image` and audio as `audio`.",
  unsupported_image: "Send JPEG, PNG or WebP.",
  unsupported_audio: "Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC.",
  image_undecodable: "Open the file in an image editor and save it again as PNG or JPEG.",
  audio_undecodable: "Convert the recording to 16-bit WAV or to MP3 and send it again.",
  image_truncated: "Send the whole file; compare its size with the original.",
  audio_truncated: "Send the whole file; compare its size with the original.",
  image_too_large: "Send a smaller file; a JPEG of 2000 pixels is plenty.",
  audio_too_large: "Send compressed audio, for example MP3 or M4A at 128 kbit/s.",
  image_too_small: "Send a portrait of at least 512 x 512 pixels.",
  image_too_many_pixels: "Scale the image down; 2000 pixels on the longer side is plenty.",
  audio_too_short: "Send at least half a second of speech.",
  audio_too_long: "Split the recording and create a job for each part.",
};

const NO_MEDIA =
  "Use `file(path)` from `@avatar/client/node` for a file on disk. An https URL is for `generate`, not for `upload`.";
const NO_KEY = "Pass `apiKey` or set AVATAR_API_KEY.";

const CREATE_AGAIN = "Create the job again.";

interface Words {
  /** Each `$` stands for a value. */
  detail: string;
  /** Where the code has none of its own. */
  hint?: string;
}

/** What is refused without asking the API. */
export const WORDS = {
  address: {
    detail: "The address of the API is missing, or no http(s) address.",
    hint: "Pass `baseUrl` or set AVATAR_BASE_URL, without a password, a query or a fragment.",
  },
  missingKey: { detail: "The API key is missing.", hint: NO_KEY },
  malformedKey: { detail: "The API key is malformed.", hint: NO_KEY },
  liveKey: {
    detail: "A live key in a page is everybody's key.",
    hint: "Pass a function that fetches a child key from your server, or use `@avatar/client/proxy` there.",
  },
  header: { detail: "A header, or the `idempotencyKey`, has characters that HTTP does not allow." },
  timeout: { detail: "`timeoutMs` must be 0 or more." },
  deletedVideo: { detail: "The video was deleted.", hint: CREATE_AGAIN },
  dyingVideo: { detail: "The video is deleted in less than a minute.", hint: CREATE_AGAIN },
  noRequest: { detail: "The call has sent no request." },
  text: { detail: "A string must be the id of an upload or an https URL.", hint: NO_MEDIA },
  value: { detail: "The $ cannot be read from a value of type $.", hint: NO_MEDIA },
  response: { detail: "The answer with the $ has status $.", hint: NO_MEDIA },
  empty: { detail: "The $ is empty." },
  unknownFormat: { detail: "The $ is in an unknown format." },
  otherKind: { detail: "The $ is $." },
} satisfies Record<string, Words>;

export function explain(code: string, subject: keyof typeof WORDS, values: readonly unknown[]): Words {
  const { detail, hint = HINTS[code as keyof typeof HINTS] }: Words = WORDS[subject];
  const left = values.values();
  return { detail: detail.replace(/\$/g, () => String(left.next().value)), hint };
}
