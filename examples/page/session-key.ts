interface SessionKey {
  key: string;
  expiresAt: string;
}

let asked: Promise<SessionKey> | undefined;

/** The key of this tab, which alone sees the jobs that it made: it is kept, so that they are seen after a reload. */
export async function sessionKey(): Promise<string> {
  const kept: SessionKey | null = JSON.parse(sessionStorage.getItem("key") ?? "null");
  if (kept && Date.parse(kept.expiresAt) > Date.now() + 60_000) return kept.key;
  asked ??= askForKey().finally(() => {
    asked = undefined;
  });
  return (await asked).key;
}

async function askForKey(): Promise<SessionKey> {
  const answer = await fetch("/key", { method: "POST" });
  if (!answer.ok) throw new Error("This page's server has no key for it.");
  const fresh: SessionKey = await answer.json();
  sessionStorage.setItem("key", JSON.stringify(fresh));
  return fresh;
}
