import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { deployEndpoint } from "../engine/runpod/deploy-endpoint.ts";
import {
  createManagementClient,
  Deployment,
  MANAGEMENT_URL,
  ManagementError,
} from "../engine/runpod/management-client.ts";
import { StartError } from "../start-error.ts";

interface Options {
  args: readonly string[];
  env: Record<string, string | undefined>;
  say: (text: string) => void;
  managementUrl?: string;
}

const FILE = fileURLToPath(new URL("../../../../deploy/runpod/endpoint.json", import.meta.url));

const USAGE = `Usage:
  runpod deploy --image <name:tag> --allowed-hosts <host,…> --volume <id> [--file <json>] [--dry-run]
      makes RunPod's endpoint what deploy/runpod/endpoint.json says; --dry-run only shows the difference

  --image          the worker's image, for example you/avatar-gpu-worker:0.1.0
  --allowed-hosts  where its files are: the host of R2_ENDPOINT, or of PUBLIC_BASE_URL where files are on a disk
  --volume         the id of the network volume with the models: RunPod's console, Storage
  --file           another file than deploy/runpod/endpoint.json
  RUNPOD_API_KEY in the environment; RUNPOD_ENDPOINT_ID where several endpoints have the same name`;

/** @returns the exit code: 0 if all is well, 1 if RunPod refused, 2 where nothing could be tried */
export async function runRunPod(options: Options): Promise<number> {
  const { args, env, say, managementUrl = MANAGEMENT_URL } = options;
  const apiKey = env.RUNPOD_API_KEY ?? "";
  try {
    const { values, positionals } = parseDeployArgs(args);
    if (values.help) {
      say(USAGE);
      return 0;
    }
    const command = positionals.join(" ");
    if (command !== "deploy")
      throw new StartError(command ? `Unknown command: ${command}\n\n${USAGE}` : USAGE);
    const deployment = await readDeployment(values, apiKey);
    const isDryRun = values["dry-run"] ?? false;
    const endpointId = await deployEndpoint({
      client: createManagementClient({ baseUrl: managementUrl, apiKey }),
      deployment,
      endpointId: env.RUNPOD_ENDPOINT_ID || undefined,
      isDryRun,
      say,
    });
    say(isDryRun ? "Nothing was changed." : `Done. For the API: RUNPOD_ENDPOINT_ID=${endpointId}`);
    return 0;
  } catch (error) {
    if (!(error instanceof StartError || error instanceof ManagementError)) throw error;
    say(error.message.replaceAll(apiKey || "\0", "[secret]"));
    return error instanceof StartError ? 2 : 1;
  }
}

function parseDeployArgs(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        image: text,
        volume: text,
        file: text,
        "allowed-hosts": text,
        "dry-run": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

/** The file with what is given beside it. @throws StartError that lists all that is missing, also of `apiKey` */
async function readDeployment(
  { file = FILE, ...values }: ReturnType<typeof parseDeployArgs>["values"],
  apiKey: string,
): Promise<Deployment> {
  const parsed = Deployment.safeParse(await readJson(file));
  if (!parsed.success) throw new StartError(`${file}:\n${z.prettifyError(parsed.error)}`);
  const deployment = parsed.data;
  if (values.image) deployment.image = values.image;
  if (values["allowed-hosts"]) deployment.env.ALLOWED_HOSTS = values["allowed-hosts"];
  if (values.volume) deployment.networkVolumes = [values.volume];
  const missing = [
    !apiKey && "RUNPOD_API_KEY: needed to speak to RunPod; its console makes one under Settings, API Keys",
    !deployment.image && "--image: the worker's image is not set",
    !deployment.env.ALLOWED_HOSTS &&
      "--allowed-hosts: without the store's host the worker refuses every file",
    deployment.networkVolumes.length === 0 &&
      "--volume: without a network volume every cold start downloads the models; RunPod's console shows its id under Storage",
  ].filter((line) => line !== false);
  if (missing.length > 0) throw new StartError(`${missing.join("\n")}\n\n${USAGE}`);
  return deployment;
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new StartError(`${file}: cannot be read`);
  });
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StartError(
      `${file}: is not JSON (${(error as Error).message}). Correct it; deploy/runpod/endpoint.json shows what it must hold.`,
    );
  }
}
