/** What neither a log nor metrics may hold, whoever reads them. */
const SECRETS: [string, RegExp][] = [
  ["an API key", /avk_(live|test)_\w{8}/],
  ["RunPod's key", /\brpa_\w/],
  ["a signed link or a token", /\b(x-amz-signature|signature|sig|token)=\w{8}/i],
  ["a password", /\b\w+:\/\/[^\s:/@"]+:[^\s:/@"]+@/],
];

/** The one line that has to tell a key: what the first start prints. */
const FIRST_KEY = /^Your API key, shown this once: \S+$/m;

/**
 * S7, over every test that starts a server: whatever it logged, printed and counted is searched when it ends.
 * @param more other secrets that it was given
 */
export function expectNoSecrets(text: string, more: readonly (string | undefined)[] = []): void {
  const searched = text.replace(FIRST_KEY, "");
  const fail = (what: string, at: number) => {
    const around = searched.slice(Math.max(0, at - 300), at + 100);
    throw new Error(`S7: ${what} is in what a server wrote: …${around}…`);
  };
  for (const [what, pattern] of SECRETS) {
    const at = searched.search(pattern);
    if (at >= 0) fail(what, at);
  }
  for (const secret of more)
    if (secret && searched.includes(secret)) fail("a secret", searched.indexOf(secret));
}
