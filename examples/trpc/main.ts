import { Avatar, type AvatarError, type Job } from "@avatar/client";
import { createAvatarTrpcClient, toAvatarError } from "@avatar/client/trpc";
import { sessionKey } from "../page/session-key.ts";
import "../page/style.css";

const options = { baseUrl: import.meta.env.AVATAR_BASE_URL, apiKey: sessionKey };
const api = createAvatarTrpcClient(options);
/** Files are no JSON, so they do not go over tRPC. */
const files = new Avatar(options);

const find = <E extends Element = HTMLElement>(selector: string) => document.querySelector(selector) as E;
const form = find<HTMLFormElement>("form");
const submit = find<HTMLButtonElement>("form button");
const cancel = find<HTMLButtonElement>("#progress button");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const picked = new FormData(form);
  void show(generate(picked.get("image") as File, picked.get("audio") as File));
});

/** @returns a link to the video */
async function generate(portrait: File, recording: File): Promise<string> {
  find("#progress ol").replaceChildren();
  tell("uploading");
  const [image, audio] = await Promise.all([files.upload(portrait), files.upload(recording)]);
  const { id } = await api.jobs.create.mutate({ image: image.id, audio: audio.id, aspect: "16:9" });
  cancel.onclick = () => void api.jobs.cancel.mutate({ id }).catch(tellError);
  cancel.hidden = false;
  for await (const { data } of api.jobs.watch.subscribe({ id })) tellOf(data);
  return (await api.jobs.result.query({ id })).url; // Or the error of a job that has no video.
}

function tellOf(job: Job): void {
  const percent = job.status === "running" ? `, ${Math.round(job.progress * 100)} %` : "";
  const eta = "etaSeconds" in job && job.etaSeconds ? `, about ${Math.ceil(job.etaSeconds)} s left` : "";
  const position = job.status === "queued" && job.position ? `, number ${job.position}` : "";
  const cold = job.status === "starting" && job.cold ? ", waking a GPU" : "";
  tell(job.status + position + cold + percent + eta, job.status === "running" ? job.progress : undefined);
}

/** A new state is a new line; news of the same state take its place. */
function tell(text: string, share?: number): void {
  const list = find("#progress ol");
  const [status] = text.split(",");
  const last = list.lastElementChild;
  const line = last?.textContent?.startsWith(status as string) ? last : document.createElement("li");
  line.textContent = text;
  list.append(line);
  const bar = find<HTMLProgressElement>("progress");
  bar.hidden = false;
  if (share === undefined) bar.removeAttribute("value");
  else bar.value = share;
}

function tellError(thrown: unknown): void {
  const { detail, hint, code }: AvatarError = toAvatarError(thrown);
  if (code === "job_canceled") return; // The list tells it.
  find("#error").textContent = `${detail} ${hint ?? ""} (${code})`;
  find("#error").hidden = false;
}

async function show(link: Promise<string>): Promise<void> {
  submit.disabled = true;
  find("#progress").hidden = false;
  find("#error").hidden = find("#result").hidden = true;
  try {
    find<HTMLVideoElement>("video").src = await link;
    find("#result").hidden = false;
  } catch (thrown) {
    tellError(thrown);
  } finally {
    submit.disabled = false;
    cancel.hidden = true;
    find("progress").hidden = true;
  }
}
