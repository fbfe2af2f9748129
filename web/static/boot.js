// Starts the page. Failures before the page is drawn are shown in the static text.
import init, { startPage } from "./pkg/vitrine.js";
import { watch } from "./crash.js";
import { keep, takeOver } from "./offline.js";

const place = document.getElementById("boot");
place.textContent = "Loading the page…";

watch();
await takeOver();
try {
  await init();
  startPage();
} catch (error) {
  if (place.isConnected) {
    place.setAttribute("role", "alert");
    place.textContent =
      "The page could not start (" + error.message + "). " +
      "Reload it, and use a current Chrome, Edge, Firefox or Safari.";
  }
  throw error;
}
// Last, so that it does not delay the first view.
await keep();
