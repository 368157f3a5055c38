import { CreateUploadInput, Upload } from "@avatar/contract/schemas";
import { generateProcedure } from "../trpc/init.ts";

export const createUpload = generateProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/uploads",
      operationId: "upload",
      summary: "Get a link to upload a file to",
      description:
        "PUT the file to `url` with `headers`, then use `id` in a job. With `inParts`, PUT each part of the file to the " +
        "link that is its own. One upload may serve several jobs until it expires. A link takes a file once: 412 means " +
        "that it is there.",
      tags: ["uploads"],
    },
    status: 201,
    errors: ["empty_file", "image_too_large", "audio_too_large", "storage_unavailable"],
  })
  .input(CreateUploadInput)
  .output(Upload)
  .mutation(({ ctx, input }) => ctx.services.uploads.create(ctx.caller, input));
