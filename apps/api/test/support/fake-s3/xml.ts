import { malformedXml } from "./errors.ts";

type Content =
  | string
  | number
  | boolean
  | Date
  | undefined
  | readonly Content[]
  | { [name: string]: Content };

/** Each property is an element, a list repeats its element, and what is undefined is left out. */
export function writeXml(document: { [name: string]: Content }): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${writeElements(document)}`;
}

function writeElements(elements: { [name: string]: Content }): string {
  return Object.entries(elements)
    .map(([name, content]) => writeElement(name, content))
    .join("");
}

function writeElement(name: string, content: Content): string {
  if (content === undefined) return "";
  if (Array.isArray(content)) return content.map((each) => writeElement(name, each)).join("");
  return `<${name}>${writeContent(content)}</${name}>`;
}

function writeContent(content: Content): string {
  if (content instanceof Date) return content.toISOString();
  if (typeof content === "object") return writeElements(content as { [name: string]: Content });
  return String(content).replaceAll(/[&<>"\p{Cc}]/gu, (character) => `&#${character.codePointAt(0)};`);
}

export interface Element {
  name: string;
  text: string;
  children: Element[];
}

const TOKEN = /<(\/?)([A-Za-z][\w.-]*)(?:\s+[\w:.-]+="[^"<]*")*\s*(\/?)>|([^<]+)/y;

/** Elements and text: no comments, CDATA or document types, which no S3 client sends. Attributes are skipped. */
export function parseXml(text: string): Element {
  const source = text.replace(/^\s*<\?xml[^>]*\?>/, "").trim();
  const root: Element = { name: "", text: "", children: [] };
  const open = [root];
  for (let at = 0; at < source.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(source);
    const parent = open.at(-1);
    if (!token || !parent) throw malformedXml();
    const [, closes, name, isEmpty, characters] = token;
    if (name === undefined) parent.text += decode(characters ?? "");
    else if (closes) {
      if (open.pop()?.name !== name) throw malformedXml();
    } else {
      const element: Element = { name, text: "", children: [] };
      parent.children.push(element);
      if (!isEmpty) open.push(element);
    }
  }
  const [document, ...others] = root.children;
  if (!document || others.length > 0 || open.length !== 1 || root.text !== "") throw malformedXml();
  return document;
}

export const childrenNamed = (element: Element, name: string): Element[] =>
  element.children.filter((child) => child.name === name);

export const textsOf = (element: Element, name: string): string[] =>
  childrenNamed(element, name).map((child) => child.text);

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));|&/gi, (_, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : Number.parseInt(hex ?? "", 16);
    const character = name ? ENTITIES[name] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (character === undefined) throw malformedXml();
    return character;
  });
}
