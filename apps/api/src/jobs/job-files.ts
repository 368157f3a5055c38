import type { Caller } from "../api-keys/caller.ts";
import type { UploadRow } from "../uploads/upload-repository.ts";
import type { UploadService } from "../uploads/upload-service.ts";

interface FileRefs {
  image: string;
  audio: string;
}

export const isUrl = (ref: string) => /^[a-z][a-z0-9+.-]*:/i.test(ref);

/**
 * The two files of a job, as its request names them: an upload by its id, or a URL, which is not fetched yet.
 * @param received uploads of this caller that need not be looked up
 * @throws AppError `upload_not_found`
 */
export async function findFiles(
  caller: Caller,
  refs: FileRefs,
  uploads: UploadService,
  received: readonly UploadRow[],
) {
  const find = async (ref: string) =>
    isUrl(ref) ? undefined : (received.find(({ id }) => id === ref) ?? uploads.get(caller.owner, ref));
  const [image, audio] = await Promise.all([find(refs.image), find(refs.audio)]);
  const fetched: string[] = [];
  const identity = (ref: string, upload: UploadRow | undefined) =>
    upload ? (upload.sha256 ?? upload.id) : `url ${ref}`;

  /** Removes what was fetched, for a job that is not made. */
  const discard = async () => {
    await Promise.all(fetched.splice(0).map((id) => uploads.discard(id)));
  };

  return {
    /** What tells these files from others: their content where it is known. */
    identities: [identity(refs.image, image), identity(refs.audio, audio)],

    /** All as uploads. */
    async fetch(signal: AbortSignal | undefined): Promise<{ image: UploadRow; audio: UploadRow }> {
      const failed = new AbortController();
      const either = AbortSignal.any(signal ? [signal, failed.signal] : [failed.signal]);
      const fetch = async (kind: keyof FileRefs) => {
        try {
          const upload = await uploads.fetch(caller, kind, refs[kind], either);
          fetched.push(upload.id);
          return upload;
        } catch (error) {
          failed.abort(error); // The other one is not needed any more.
          throw error;
        }
      };
      const both = await Promise.allSettled([image ?? fetch("image"), audio ?? fetch("audio")]);
      if (both[0].status === "fulfilled" && both[1].status === "fulfilled")
        return { image: both[0].value, audio: both[1].value };
      await discard();
      throw failed.signal.reason;
    },

    discard,
  };
}

/** Reads just enough of both to know that they can be used. Where both are bad, the answer is always about the image. */
export async function inspectFiles(
  { image, audio }: { image: UploadRow; audio: UploadRow },
  uploads: UploadService,
) {
  const inspected = uploads.inspectAudio(audio);
  inspected.catch(() => {});
  const { width, height } = await uploads.inspectImage(image);
  const { seconds } = await inspected;
  return { width, height, audioSeconds: seconds };
}
