import { Avatar } from "@avatar/client";
import { useGeneration } from "@avatar/client/react";
import type { SubmitEvent } from "react";
import { createRoot } from "react-dom/client";
import { sessionKey } from "../../page/session-key.ts";

const avatar = new Avatar({ baseUrl: import.meta.env.AVATAR_BASE_URL, apiKey: sessionKey });

/** As little as can be: what the hook does by default. */
function Page() {
  const { start, status } = useGeneration(avatar);

  function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    start({ image: form.get("image") as File, audio: form.get("audio") as File });
  }

  return (
    <form onSubmit={submit}>
      <input name="image" type="file" />
      <input name="audio" type="file" />
      <button type="submit">Generate</button>
      {status}
    </form>
  );
}

createRoot(document.body).render(<Page />);
