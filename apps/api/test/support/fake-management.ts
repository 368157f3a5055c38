import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";

/** Fields that RunPod's OpenAPI document (version 0.1.0, of 2026-08-20) has in its requests; others are refused here. */
const TEMPLATE_FIELDS = ["name", "imageName", "containerDiskInGb", "volumeMountPath", "env", "isServerless"];
const ENDPOINT_FIELDS = [
  "name",
  "computeType",
  "templateId",
  "gpuTypeIds",
  "gpuCount",
  "minCudaVersion",
  "workersMin",
  "workersMax",
  "idleTimeout",
  "scalerType",
  "scalerValue",
  "executionTimeoutMs",
  "flashboot",
  "networkVolumeId",
];

type Resource = { id: string } & Record<string, unknown>;

export interface FakeManagement {
  url: string;
  apiKey: string;
  templates: Resource[];
  endpoints: Resource[];
  /** Requests that change something, with their bodies. */
  changes: { request: string; body: Record<string, unknown> }[];
  /** Answers every request with it. */
  failure: { status: number; body: string } | undefined;
}

/** RunPod's management API, with the answers that its documentation shows. Ends with the test. */
export async function startFakeManagement(): Promise<FakeManagement> {
  let count = 0;
  const fake: FakeManagement = {
    url: "",
    apiKey: "rpa_management",
    templates: [],
    endpoints: [],
    changes: [],
    failure: undefined,
  };

  async function answer(message: IncomingMessage): Promise<{ status: number; body: unknown }> {
    if (fake.failure) return fake.failure;
    if (message.headers.authorization !== `Bearer ${fake.apiKey}`)
      return { status: 401, body: "unauthorized" };
    const [, kind, id] = new URL(message.url ?? "", "http://x").pathname.split("/");
    const list = kind === "templates" ? fake.templates : fake.endpoints;
    const fields = kind === "templates" ? TEMPLATE_FIELDS : ENDPOINT_FIELDS;
    // Whether FlashBoot is on is never told.
    const told = ({ flashboot: _, ...resource }: Resource) => resource;
    if (message.method === "GET") return { status: 200, body: list.map(told) };
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const allowed =
      message.method === "POST"
        ? fields
        : fields.filter((name) => name !== "isServerless" && name !== "computeType");
    const unknown = Object.keys(body).filter((name) => !allowed.includes(name));
    if (unknown.length > 0) return { status: 400, body: `unexpected ${unknown.join(", ")}` };
    fake.changes.push({ request: `${message.method} /${kind}`, body });
    if (message.method === "POST") {
      const made = { id: `${kind}${++count}`, containerRegistryAuthId: null, ...body };
      if (kind === "endpoints" && body.flashboot) made.name = `${body.name} -fb`;
      list.push(made);
      return { status: 200, body: told(made) };
    }
    const found = list.find((each) => each.id === id);
    if (!found) return { status: 400, body: "not found" };
    Object.assign(found, body);
    return { status: 200, body: told(found) };
  }

  const server = createServer((message, response) => {
    void answer(message).then(({ status, body }) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  fake.url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return fake;
}
