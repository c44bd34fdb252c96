// Generates types from the served document, compiles the program that uses them, and runs it.

import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const run = (program, ...options) => {
  execFileSync(process.execPath, [join("node_modules", program), ...options], { cwd: folder, stdio: ["ignore", 2, 2] });
};
run("openapi-typescript/bin/cli.js", `${process.env.ORIGIN}/openapi.json`, "--output", "document.d.ts");
copyFileSync(process.env.PROGRAM, join(folder, "manage.ts"));
const kind = ["--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022", "--types", "node"];
run("typescript/bin/tsc", "manage.ts", "--strict", "--noUncheckedIndexedAccess", "--skipLibCheck", ...kind, "--outDir", "out");
copyFileSync(join(folder, "out/manage.js"), join(folder, "manage-compiled.mjs"));
await import("./manage-compiled.mjs");
