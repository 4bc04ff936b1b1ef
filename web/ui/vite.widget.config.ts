import { defineConfig } from "vite";

/** The click-to-call element: one classic script without dependencies, for any web site. */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: "../static",
    emptyOutDir: false,
    target: "es2020",
    lib: { entry: "src/widget/index.ts", formats: ["iife"], name: "SoftswitchWidget", fileName: () => "widget.js" },
  },
});
