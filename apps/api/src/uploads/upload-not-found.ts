import { AppError } from "../errors.ts";

export const uploadNotFound = (id: string) =>
  new AppError("upload_not_found", { detail: `There is no upload ${id}, or it has expired.` });
