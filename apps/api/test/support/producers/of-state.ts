import { rename } from "node:fs/promises";
import { join } from "node:path";
import { throughBothDoors } from "../doors.ts";
import { aForm, FORM_TYPE } from "../multipart.ts";
import { aJobInput } from "../refusals.ts";
import type { TestApi } from "../test-api.ts";
import type { Producers } from "./world.ts";

const HOUR_MS = 3_600_000;

async function aJob(api: TestApi): Promise<string> {
  const { body } = await api.rest("POST", "/v1/jobs", await aJobInput(api));
  return body.id;
}
const result = (api: TestApi, id: string) => throughBothDoors(api, "jobs.result", { input: { id } });

/** What jobs, uploads, links and the server itself are not ready for. */
export const BY_STATE: Producers = {
  job_not_finished: async ({ api }) => result(api, await aJob(api)),
  async job_canceled({ api }) {
    const id = await aJob(api);
    await api.rest("POST", `/v1/jobs/${id}/cancel`);
    return result(api, id);
  },
  async upload_expired({ api }) {
    const input = await aJobInput(api);
    api.advance(2 * HOUR_MS);
    return throughBothDoors(api, "jobs.create", { input });
  },
  async upload_exists({ api }) {
    const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
    const put = () => api.rest("PUT", body.url, Buffer.from("abc"), body.headers);
    await put();
    return put();
  },
  async link_invalid({ api, theirs }) {
    const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
    const url = body.url.replace(body.id, theirs.upload);
    return api.rest("PUT", url, Buffer.from("abc"), body.headers);
  },
  internal: ({ api, database }) =>
    database.withoutTables(() => throughBothDoors(api, "jobs.get", { input: { id: "job_1" } })),
  unavailable: ({ api, database }) =>
    database.whileDown(() => throughBothDoors(api, "jobs.get", { input: { id: "job_1" } })),
  async storage_unavailable({ api }) {
    const folder = join(api.database.dataDir, "incoming");
    await rename(folder, `${folder}-away`);
    return api.rest("POST", "/v1/jobs", aForm(), FORM_TYPE).finally(() => rename(`${folder}-away`, folder));
  },
};
