import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** All that is given out to the internet; ipaddr.js calls what lies outside of it "unicast" too. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/** Inside Azure this address of the public space is the platform itself. */
const AZURE_PLATFORM = "168.63.129.16";

/**
 * Whether an address is reached through the internet, and by everybody alike. Anything else may be our own network.
 * Takes addresses as DNS and `URL` write them: other notations, such as `127.1`, are not public.
 */
export function isPublicAddress(address: string): boolean {
  // ipaddr.js alone also reads octal, hexadecimal and short forms, which other parsers may read differently.
  if (isIP(address) === 0 || address === AZURE_PLATFORM) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  return parsed instanceof ipaddr.IPv4 || (!parsed.zoneId && parsed.match(GLOBAL_IPV6));
}
