/** Hosts that are addresses of a network that is nobody's but ours, in all notations that `URL` takes. */
const HOSTS = [
  // Loopback and "this host"
  ..."127.0.0.1 127.1 127.0.1 127.255.255.254 0.0.0.0 0 0.1.2.3 2130706433 017700000001 0x7f000001".split(
    " ",
  ),
  ..."0x7f.0.0.1 0177.0.0.1 0177.0.0.01 0x7f.1 127.0.0.1. 127.1. 0x7f000001. 00000177.0x0.0.1".split(" "),
  ..."0X7F.0X0.0X0.0X1 [::1] [::] [0:0:0:0:0:0:0:1] [0000::0001]".split(" "),
  // Private
  ..."10.0.0.1 10.1 10.255.255.255 167772161 0x0a000001 012.0.0.1 172.16.0.1 172.31.255.254".split(" "),
  ..."2886729729 0xac100001 192.168.0.1 192.168.1 192.168.255.255 3232235521 0300.0250.0.1".split(" "),
  // Carrier-grade NAT, link-local, metadata
  ..."100.64.0.1 100.127.255.254 100.100.100.200 0x64646464 169.254.169.254 169.254.0.1".split(" "),
  ..."169.254.170.2 2852039166 0xa9fea9fe 0251.0376.0251.0376 0xa9.254.43518 169.254.169.254.".split(" "),
  ..."168.63.129.16 2822734096 192.0.0.192 [fd00:ec2::254] [fd20:ce::254] [fe80::1]".split(" "),
  ..."[fe80::a9fe:a9fe] [febf::1] [fec0::1]".split(" "),
  // Special purposes
  ..."192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 192.88.99.1".split(" "),
  ..."192.31.196.1 192.52.193.1 192.175.48.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255".split(" "),
  ..."4294967295 0xffffffff 037777777777".split(" "),
  // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo
  ..."[::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:10.0.0.1] [::ffff:169.254.169.254]".split(" "),
  ..."[::ffff:a9fe:a9fe] [::ffff:8.8.8.8] [::127.0.0.1] [::7f00:1] [::8.8.8.8] [::a00:1]".split(" "),
  ..."[::ffff:0:127.0.0.1] [::ffff:0:808:808] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe]".split(" "),
  ..."[64:ff9b:1::7f00:1] [64:ff9b::8.8.8.8] [2002:7f00:1::] [2002:a9fe:a9fe::1] [2001:0:7f00:1::]".split(
    " ",
  ),
  ..."[2001::7f00:1] [2001:0:4136:e378:8000:63bf:80ff:fffe]".split(" "),
  // Other IPv6
  ..."[fc00::1] [fdff:ffff::1] [ff02::1] [ff0e::1] [2001:db8::1] [3fff::1] [2001:2::1] [2001:10::1]".split(
    " ",
  ),
  ..."[2001:20::1] [2001:1::1] [2001:3::1] [2001:4:112::1] [2620:4f:8000::1] [100::1] [100:0:0:1::1]".split(
    " ",
  ),
  ..."[5f00::1] [4000::1] [1::1] [8000::1] [e000::1]".split(" "),
  // Digits and dots of other scripts
  ..."１２７.０.０.１ １２７。０。０。１ 127。0。0。1 127．0．0．1 ①②⑦.⓪.⓪.① 𝟣𝟤𝟩.𝟢.𝟢.𝟣 ０ｘ７ｆ.１ 169｡254｡169｡254".split(
    " ",
  ),
  ..."%31%32%37.0.0.1 127%2e0%2e0%2e1 %30".split(" "),
];

/** Absolute URLs, so that a redirect to one leads to the same place. */
export const HOSTILE_URLS = [
  ...HOSTS.map((host) => `https://${host}/latest/meta-data/`),
  // Not https
  ..."http://127.0.0.1/ http://good.test/ http://good.test:443/ ftp://good.test/ file:///etc/passwd".split(
    " ",
  ),
  ..."file://good.test/etc/passwd gopher://127.0.0.1:70/ data://good.test/,x ws://good.test/".split(" "),
  ..."wss://good.test/ ldap://127.0.0.1/ dict://127.0.0.1:11211/stat httpss://good.test/".split(" "),
  // Another port
  ..."https://good.test:80/ https://good.test:8443/ https://good.test:22/ https://good.test:0/".split(" "),
  ..."https://good.test:65535/ https://127.0.0.1:443/ https://[::1]:443/ https://good.test:4430/".split(" "),
  // User names and what only looks like one
  ..."https://user@good.test/ https://user:password@good.test/ https://:password@good.test/".split(" "),
  ..."https://good.test@127.0.0.1/ https://good.test:443@127.0.0.1/ https://127.0.0.1@good.test/".split(" "),
  ..."https://good.test%2f@127.0.0.1/ https://127.0.0.1#@good.test/ https://127.0.0.1?@good.test/".split(" "),
  ..."https://127.0.0.1\\@good.test/ https://@127.0.0.1/ https://127.0.0.1:443@good.test:443/".split(" "),
  ..."https:\\\\127.0.0.1\\ https://127.0.0.1;@good.test/ https:///127.0.0.1/ https://\\127.0.0.1/".split(
    " ",
  ),
  // Not URLs, or only to lenient parsers
  ..."https:// https://[::1 https://[fe80::1%25eth0]/ https://[::ffff:127.0.0.256]/ https://256.1.1.1/".split(
    " ",
  ),
  ..."https://1.2.3.4.5/ https://0x100000000/ https://good.test:99999/ https://a%00b/ https://a<b/".split(
    " ",
  ),
  `https://${"a.".repeat(126)}test/`,
];

/** These mean something else, and harmless, when they come in a redirect. */
export const HOSTILE_FIRST_URLS = [
  ..."https:127.0.0.1 https:/127.0.0.1/ HTTPS:/127.1 //127.0.0.1/ 127.0.0.1 good.test/a.png".split(" "),
  ..."javascript:alert(1) data:image/png;base64,AAAA blob:https://good.test/1 about:blank".split(" "),
  ..."mailto:a@good.test jar:https://good.test!/ view-source:https://good.test/".split(" "),
  "",
  " ",
  "not a URL",
  "https://127.0\t.0.1/",
  "https://127.\n0.0.1/",
  "\u0000https://127.0.0.1/",
  " https://127.0.0.1/ ",
  "https://good.test /",
];

/** What the name server says about names that an attacker owns. */
export const HOSTILE_ANSWERS: Record<string, string[]> = {
  loopback: ["127.0.0.1"],
  "loopback-6": ["::1"],
  unspecified: ["0.0.0.0"],
  "private-10": ["10.0.0.7"],
  "private-172": ["172.20.0.7"],
  "private-192": ["192.168.1.7"],
  "carrier-nat": ["100.64.0.7"],
  metadata: ["169.254.169.254"],
  "metadata-6": ["fd00:ec2::254"],
  alibaba: ["100.100.100.200"],
  azure: ["168.63.129.16"],
  "link-local-6": ["fe80::7"],
  "unique-local": ["fc00::7"],
  mapped: ["::ffff:7f00:1"],
  compatible: ["::7f00:1"],
  translated: ["::ffff:0:7f00:1"],
  nat64: ["64:ff9b::7f00:1"],
  "6to4": ["2002:7f00:1::"],
  teredo: ["2001:0:7f00:1::"],
  documentation: ["203.0.113.7"],
  multicast: ["224.0.0.1"],
  broadcast: ["255.255.255.255"],
  "public-first": ["93.184.215.14", "127.0.0.1"],
  "private-first": ["10.0.0.7", "93.184.215.14"],
  "private-in-the-middle": ["93.184.215.14", "192.168.1.7", "1.1.1.1"],
  "private-in-the-other-family": ["93.184.215.14", "::1"],
  "public-in-the-other-family": ["127.0.0.1", "2606:4700::1111"],
  "private-after-those-that-are-tried": ["93.184.215.14", "1.1.1.1", "8.8.8.8", "9.9.9.9", "10.0.0.7"],
};
