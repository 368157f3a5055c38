import type { GenerationHook } from "@avatar/client/react";

interface Props {
  generation: GenerationHook;
  onCancel(): void;
}

/** What happens now, how far it is, and how long it may still take. */
export function Progress({ generation, onCancel }: Props) {
  const { status, upload, job } = generation;
  const eta = job && "etaSeconds" in job ? job.etaSeconds : undefined;
  return (
    <section aria-live="polite">
      {describe(generation)}
      {eta !== undefined && <small> about {Math.ceil(eta)} s left</small>}
      {status === "running" ? (
        <progress value={job.progress} />
      ) : (
        <progress value={upload && upload.total > 0 ? upload.loaded / upload.total : undefined} />
      )}
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
    </section>
  );
}

function describe({ status, upload, job }: GenerationHook): string {
  switch (status) {
    case "preparing":
      return upload.total > 0 ? "Uploading" : "Preparing";
    case "queued":
      return job.position ? `Number ${job.position} in the queue` : "In the queue";
    case "starting":
      return job.cold ? "Waking a GPU" : "Loading the model";
    case "running":
      return `Rendering: ${Math.round(job.progress * 100)} %`;
    default:
      return "";
  }
}
