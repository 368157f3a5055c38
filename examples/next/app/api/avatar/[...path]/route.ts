/** Pages use `new Avatar({ baseUrl: "/api/avatar" })`, without a key: AVATAR_API_KEY and AVATAR_BASE_URL stay here. */
import { createProxy } from "@avatar/client/proxy";
import { createSessions } from "../../../../../session.ts";

const { userOf } = createSessions(process.env.SESSION_SECRET);
const proxy = createProxy({ authorize: userOf, onError: console.error });

export { proxy as GET, proxy as POST };
