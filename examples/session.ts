/**
 * Stands for your own login: a user's name in a cookie, signed so that nobody can write another one. It needs nothing but
 * the Web's own functions, so it is the same in all of the servers here.
 */
export function createSessions(secret: string | undefined) {
  const encode = (text: string) => new TextEncoder().encode(text);
  const algorithm = { name: "HMAC", hash: "SHA-256" };

  function signingKey() {
    if (!secret) throw new Error("Set SESSION_SECRET to a long random text.");
    return crypto.subtle.importKey("raw", encode(secret), algorithm, false, ["sign", "verify"]);
  }

  return {
    /** Here everybody is let in, each as a new user; yours asks who it is. */
    async signIn(): Promise<Response> {
      const user = crypto.randomUUID();
      const signature = await crypto.subtle.sign("HMAC", await signingKey(), encode(user));
      const cookie = `session=${user}.${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
      const headers = { "set-cookie": `${cookie}; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax` };
      return new Response(null, { status: 204, headers });
    },

    async userOf(request: Request): Promise<string | undefined> {
      const cookies = request.headers.get("cookie") ?? "";
      const [, user = "", signature] = /(?:^|; )session=([\w-]+)\.([\w+/]{43}=)/.exec(cookies) ?? [];
      if (!signature) return undefined;
      const bytes = Uint8Array.from(atob(signature), (byte) => byte.charCodeAt(0));
      const isOurs = await crypto.subtle.verify("HMAC", await signingKey(), bytes, encode(user));
      return isOurs ? user : undefined;
    },
  };
}
