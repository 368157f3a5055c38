import { BlockList } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isPublicAddress } from "./public-address.ts";

/** IANA: IPv4 special-purpose registry and multicast; and the one address that Azure uses for itself. */
const SPECIAL_IPV4 = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
  192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24
  192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
  203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 168.63.129.16/32`.split(/\s+/);

/** IANA: IPv6 special-purpose registry; and all that the registry of the address space does not give out. */
const SPECIAL_IPV6 =
  `::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32
  2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28
  2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10
  ::/3 4000::/2 8000::/1`.split(/\s+/);

/** Another implementation than ipaddr.js. One list per family: a list of both also looks into mapped addresses. */
const blockList = (rows: string[], family: "ipv4" | "ipv6") => {
  const list = new BlockList();
  for (const row of rows) {
    const [network = "", bits] = row.split("/");
    list.addSubnet(network, Number(bits), family);
  }
  return list;
};
const special4 = blockList(SPECIAL_IPV4, "ipv4");
const special6 = blockList(SPECIAL_IPV6, "ipv6");
const isSpecial = (address: string) =>
  address.includes(":") ? special6.check(address, "ipv6") : special4.check(address, "ipv4");

const octetsOf = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
const groupsOf = (value: bigint) =>
  [7n, 6n, 5n, 4n, 3n, 2n, 1n, 0n].map((at) => Number((value >> (at * 16n)) & 0xffffn).toString(16));

/** The first and last addresses of a network and their neighbours outside, where mistakes are. */
function edgesOf(row: string): bigint[] {
  const [network = "", bits] = row.split("/");
  const isIpv6 = network.includes(":");
  const base = isIpv6
    ? toBigint6(network)
    : BigInt(
        new URL(`http://${network}`).hostname.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0),
      );
  const last = base + (1n << BigInt((isIpv6 ? 128 : 32) - Number(bits))) - 1n;
  return [base - 1n, base, last, last + 1n].filter(
    (edge) => edge >= 0n && edge < 1n << (isIpv6 ? 128n : 32n),
  );
}

function toBigint6(text: string): bigint {
  const [head = "", tail = ""] = text.split("::");
  const groups = (part: string) => (part ? part.split(":") : []);
  const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill("0");
  return BigInt(
    `0x${[...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, "0")).join("")}`,
  );
}

const anyIpv4 = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(...SPECIAL_IPV4.flatMap(edgesOf)).map(Number),
);
const anyIpv6 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  fc.bigInt({ min: 0x2000n << 112n, max: (0x4000n << 112n) - 1n }),
  fc.constantFrom(...SPECIAL_IPV6.flatMap(edgesOf)),
  fc
    .tuple(fc.constantFrom(0n, 0xffffn << 32n, 0xffffn << 48n, 0x64ff9bn << 96n), anyIpv4)
    .map(([prefix, low]) => prefix | BigInt(low)),
);

const number = fc.tuple(fc.constantFrom(8, 10, 16), fc.boolean(), fc.nat(3));

/** Writes a number as `URL` takes it. */
function write(value: number, [base, isUpper, zeros]: [number, boolean, number]): string {
  const digits = value.toString(base);
  if (base === 10) return digits;
  const text = (base === 8 ? "0" : "0x") + "0".repeat(zeros) + digits;
  return isUpper ? text.toUpperCase() : text;
}

test("S2: an IPv4 address is judged alike in every notation, and as the registries say", () => {
  fc.assert(
    fc.property(
      anyIpv4,
      fc.integer({ min: 1, max: 4 }),
      fc.tuple(number, number, number, number),
      fc.constantFrom("", "."),
      fc.constantFrom(".", "。", "．", "｡", "%2e"),
      fc.boolean(),
      (value, parts, formats, end, dot, isWide) => {
        const octets = octetsOf(value);
        const rest = octets.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0);
        const text = [...octets.slice(0, parts - 1), rest].map((part, at) =>
          write(part, formats[at] ?? formats[0]),
        );
        const host = text.join(dot) + end;
        const wide = host.replace(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
        const { hostname } = new URL(`https://${isWide && dot !== "%2e" ? wide : host}/`);
        expect(hostname).toBe(octets.join("."));
        expect(isPublicAddress(hostname)).toBe(!isSpecial(hostname));
      },
    ),
    { numRuns: 20_000 },
  );
});

test("S2: an IPv6 address is judged alike in every notation, and as the registries say", () => {
  fc.assert(
    fc.property(anyIpv6, fc.constantFrom("short", "long", "padded", "upper", "dotted"), (value, notation) => {
      const groups = groupsOf(value);
      const text =
        {
          short: new URL(`https://[${groups.join(":")}]/`).hostname.slice(1, -1),
          long: groups.join(":"),
          padded: groups.map((group) => group.padStart(4, "0")).join(":"),
          upper: groups.join(":").toUpperCase(),
          dotted: `${groups.slice(0, 6).join(":")}:${octetsOf(Number(value & 0xffffffffn)).join(".")}`,
        }[notation] ?? "";
      const expected = !isSpecial(groups.join(":"));
      expect(isPublicAddress(text)).toBe(expected); // as it may come from DNS
      expect(isPublicAddress(new URL(`https://[${text}]/`).hostname.slice(1, -1))).toBe(expected);
    }),
    { numRuns: 20_000 },
  );
});

test("S2: IPv4 inside IPv6 is never public, whatever the IPv4 address", () => {
  fc.assert(
    fc.property(anyIpv4, (value) => {
      const ipv4 = octetsOf(value).join(".");
      for (const prefix of ["::ffff:", "::", "::ffff:0:", "64:ff9b::", "64:ff9b:1::"])
        expect(isPublicAddress(prefix + ipv4)).toBe(false);
      const [high, low] = groupsOf(BigInt(value)).slice(6);
      for (const wrapped of [`2002:${high}:${low}::`, `2001:0:${high}:${low}::1`])
        expect(isPublicAddress(wrapped)).toBe(false);
    }),
  );
});

test.each([
  "8.8.8.8",
  "1.1.1.1",
  "93.184.215.14",
  "100.63.255.255",
  "172.32.0.1",
  "2606:4700::1111",
  "2a00:1450::1",
])("S2: %s is public", (address) => expect(isPublicAddress(address)).toBe(true));

test.each([
  "",
  "good.test",
  "8.8.8",
  "010.8.8.8",
  "0x8.8.8.8",
  "134744072",
  "8.8.8.8.",
  " 8.8.8.8",
  "8.8.8.8/32",
  "2606::1%eth0",
  "[2606::1]",
])("S2: %j is not an address as DNS or URL write it, so it is not public", (text) =>
  expect(isPublicAddress(text)).toBe(false),
);
