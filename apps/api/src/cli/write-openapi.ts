import { writeFileSync } from "node:fs";
import { createOpenApiDocument } from "../docs/openapi.ts";

const file = new URL("../../../../docs/openapi.json", import.meta.url);
const document = createOpenApiDocument("https://api.example.com");
writeFileSync(file, `${JSON.stringify(document, null, 2)}\n`);
