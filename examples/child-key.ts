/** A key for a page, as JSON: it ends within an hour, makes two jobs at a time, and sees only those that it made. */
export async function makeChildKey(): Promise<string> {
  const answer = await fetch(`${process.env.AVATAR_BASE_URL}/v1/child-keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.AVATAR_API_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ ttlSeconds: 3600, limits: { jobsInFlight: 2 } }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}
