import { fileURLToPath } from "node:url";

import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

/** Where the built pages go; another folder leaves the ones that are being served alone. */
const target = process.env["SOFTSWITCH_STATIC"] ?? "../static";
/** The server a developer's pages talk to: the real one or `mock/server.py`. */
const backend = process.env["SOFTSWITCH_BACKEND"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === "click-to-call" } } })],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  define: { __VUE_I18N_LEGACY_API__: "false", __INTLIFY_PROD_DEVTOOLS__: "false" },
  build: { outDir: target, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 800 },
  server: { proxy: { "/api": { target: backend, ws: true }, "/widget.js": backend } },
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
