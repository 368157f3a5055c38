import { Avatar } from "@avatar/client";
import { useGeneration } from "@avatar/client/react";
import { StrictMode, type SubmitEvent, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { sessionKey } from "../page/session-key.ts";
import { FileField } from "./file-field.tsx";
import { Progress } from "./progress.tsx";
import "../page/style.css";

const avatar = new Avatar({ baseUrl: import.meta.env.AVATAR_BASE_URL, apiKey: sessionKey });

function Page() {
  // The job outlives this page, so that a reload finds it again.
  const generation = useGeneration(avatar, { onAbort: "leave" });
  const { start, resume, cancel, isPending, status, job, video, url, error } = generation;
  const [image, setImage] = useState<File>();
  const [audio, setAudio] = useState<File>();

  useEffect(() => {
    const id = sessionStorage.getItem("job");
    if (id) resume(id);
  }, [resume]);
  useEffect(() => {
    if (status === "failed" || status === "canceled") sessionStorage.removeItem("job");
    else if (job) sessionStorage.setItem("job", job.id);
  }, [status, job]);

  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (image && audio) start({ image, audio, aspect: "16:9" });
  }

  return (
    <>
      <h1>Make a portrait talk</h1>
      <p>One photo of a person and one recording of speech.</p>
      <form onSubmit={submit}>
        <FileField name="image" title="Portrait" accept="image/*" onPick={setImage} />
        <FileField name="audio" title="Recording" accept="audio/*" onPick={setAudio} />
        <button type="submit" disabled={!image || !audio || isPending}>
          Generate
        </button>
      </form>
      {isPending && <Progress generation={generation} onCancel={cancel} />}
      {status === "canceled" && <section>Canceled. Nothing runs any more.</section>}
      {error && (
        <section role="alert">
          <strong>{error.detail}</strong> {error.hint}
          <p>
            <small>{[error.code, error.requestId].filter(Boolean).join(", ")}</small>
          </p>
        </section>
      )}
      {video && (
        <section>
          {/* biome-ignore lint/a11y/useMediaCaption: what is said is in the visitor's own recording */}
          <video src={url} controls autoPlay playsInline />
          <p>
            <small>
              {video.width} × {video.height}, {video.durationSeconds.toFixed(1)} s, kept until{" "}
              {video.expiresAt.toLocaleTimeString()}
            </small>
          </p>
        </section>
      )}
    </>
  );
}

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
