import { AppError } from "../errors.ts";
import { trpc } from "../trpc/init.ts";

const NAME = "__proto__";
const MESSAGE = "expected another name";

/** JSON has this name for a label, and zod leaves it out without a word. To come before the input. */
export const refuseLostLabels = trpc.middleware(async ({ getRawInput, next }) => {
  const { metadata } = Object(await getRawInput());
  if (Object.hasOwn(Object(metadata), NAME))
    throw new AppError("invalid_input", {
      detail: `metadata.${NAME}: ${MESSAGE}.`,
      issues: [{ path: `metadata.${NAME}`, message: MESSAGE }],
    });
  return next();
});
