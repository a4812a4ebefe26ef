import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const SERVER = "http://127.0.0.1:8000";
// What the server answers; all else is the screen.
const API = [
  "accounts", "alarms", "auth", "candles", "capital", "events", "health", "orders", "pnl",
  "positions", "prices", "reports", "risk", "signals", "status-server", "strategies",
];

export default defineConfig({
  base: "/app/",
  plugins: [react(), { ...optimizeLocales.vite({ locales: ["en-US"] }), enforce: "pre" }],
  build: {
    // The policy allows files of our own and nothing written into them: no data: addresses, and
    // no loader that Vite would write into the page.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    target: "es2022",
  },
  server: {
    host: "127.0.0.1",
    // Origin and Host have to agree for a request with a cookie, and they do: only the way to the
    // server is ours.
    proxy: Object.fromEntries(API.map((name) => [`/${name}`, { target: SERVER }])),
  },
});
