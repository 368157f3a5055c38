import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";
import answers from "./management-answers.json" with { type: "json" };

/** Fields of RunPod's requests; others are refused, as there. */
const FIELDS: Record<string, string[]> = {
  gpu: ["pools", "excludedTypes", "count", "allowedCudaVersions", "minCudaVersion"],
  workers: ["min", "max", "idleTimeout"],
  scaling: ["type", "queueDelay", "requestCount"],
};
const CONTAINER = ["image", "args", "disk", "ports", "env", "registry"];
const CHANGEABLE = [
  ...CONTAINER,
  ...Object.keys(FIELDS),
  ...["name", "dataCenterIds", "networkVolumes", "timeout", "flashboot", "templateId", "cpu"],
];
const REQUIRED = ["name", "type", "scaling", "image", "gpu"];

type Body = Record<string, unknown> & { gpu?: Record<string, unknown> };
type Answer = { status: number; body: unknown };
type Endpoint = Omit<typeof answers.endpoint, "gpu" | "env"> & {
  gpu: Record<string, unknown>;
  env: Record<string, string>;
};

export interface FakeManagement {
  url: string;
  apiKey: string;
  endpoints: Endpoint[];
  /** Requests that change something, with their bodies. */
  changes: { request: string; body: Body }[];
  /** Fields of `gpu` that are taken and never told. */
  untold: string[];
  /** Answers every request with it. */
  failure: { status: number; body: string } | undefined;
  /** One that is there already. */
  addEndpoint(facts: Partial<Endpoint>): void;
}

/** RunPod's management API, with the answers that its documentation shows. Ends with the test. */
export async function startFakeManagement(): Promise<FakeManagement> {
  const fake: FakeManagement = {
    url: "",
    apiKey: "rpa_management",
    endpoints: [],
    changes: [],
    untold: [],
    failure: undefined,
    addEndpoint: (facts) => fake.endpoints.push({ ...structuredClone(answers.endpoint), ...facts }),
  };

  const told = ({ gpu, ...endpoint }: Endpoint) => ({
    ...endpoint,
    gpu: Object.fromEntries(Object.entries(gpu).filter(([field]) => !fake.untold.includes(field))),
  });

  function merge(endpoint: Endpoint, body: Body): void {
    const { gpu, ...rest } = body;
    Object.assign(endpoint, rest);
    // Pools come with their exclusions, or without any.
    if (gpu?.pools) delete endpoint.gpu.excludedTypes;
    Object.assign(endpoint.gpu, gpu);
  }

  function create(body: Body): Answer {
    const refused = refuse(body, [...CHANGEABLE, "type"], REQUIRED);
    if (refused) return refused;
    const id = `endpoint${fake.endpoints.length + 1}`;
    const made = JSON.parse(JSON.stringify(answers.endpoint).replaceAll(answers.endpoint.id, id));
    // What is left out has a default, which is not what the example shows.
    merge(Object.assign(made, { env: {}, timeout: 0, flashboot: "OFF" }), body);
    fake.endpoints.push(made);
    return { status: 201, body: told(made) };
  }

  function update(id: string | undefined, body: Body): Answer {
    const found = fake.endpoints.find((each) => each.id === id);
    if (!found) return problem("notFound");
    const refused = refuse(body, CHANGEABLE, []);
    if (refused) return refused;
    merge(found, body);
    return { status: 200, body: told(found) };
  }

  async function answer(message: IncomingMessage): Promise<Answer> {
    if (fake.failure) return fake.failure;
    if (message.headers.authorization !== `Bearer ${fake.apiKey}`) return problem("unauthorized");
    const [, resource, id] = new URL(message.url ?? "", "http://x").pathname.split("/");
    if (resource !== "serverless") return problem("notFound");
    if (message.method === "GET") return { status: 200, body: { endpoints: fake.endpoints.map(told) } };
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    fake.changes.push({ request: `${message.method} /${resource}`, body });
    return message.method === "POST" ? create(body) : update(id, body);
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

function refuse(body: Body, allowed: string[], required: string[]): Answer | undefined {
  const unknown = [
    ...Object.keys(body).filter((field) => !allowed.includes(field)),
    ...Object.entries(FIELDS).flatMap(([field, known]) =>
      Object.keys(body[field] ?? {}).filter((inner) => !known.includes(inner)),
    ),
  ].map((field) => `$: additional properties '${field}' not allowed`);
  const missing = required
    .filter((field) => !(field in body))
    .map((field) => `$: missing property '${field}'`);
  const errors = [...missing, ...unknown];
  const { excludedTypes, pools, allowedCudaVersions, minCudaVersion } = body.gpu ?? {};
  if (excludedTypes && !pools) errors.push("$.gpu: missing property 'pools'");
  if (errors.length > 0) return problem("unprocessable", { errors });
  const isNonEmpty = Array.isArray(allowedCudaVersions) && allowedCudaVersions.length > 0;
  return isNonEmpty && minCudaVersion ? problem("badRequest") : undefined;
}

function problem(
  kind: "unauthorized" | "badRequest" | "notFound" | "unprocessable",
  more: object = {},
): Answer {
  return { status: answers[kind].status, body: { ...answers[kind], ...more } };
}
