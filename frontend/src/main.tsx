import "@fontsource-variable/inter/wght.css";
import "./styles/base.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { currentPerson, watchPerson } from "./api/login";
import { cache } from "./live/live";
import { router } from "./router";
import { applyTheme } from "./theme";

applyTheme();
// What one person was told is not shown to the next.
watchPerson(() => {
  if (currentPerson()) cache.clear();
});
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
