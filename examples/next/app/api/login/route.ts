import { createSessions } from "../../../../session.ts";

export const POST = () => createSessions(process.env.SESSION_SECRET).signIn();
