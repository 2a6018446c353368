import { defineConfig } from "vite";

// The names are fixed, so that the built page can be compared with a new build.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/cellwright/inspection/page",
    emptyOutDir: true,
    modulePreload: false,
    rollupOptions: {
      output: { entryFileNames: "page.js", assetFileNames: "page[extname]" },
    },
  },
});
