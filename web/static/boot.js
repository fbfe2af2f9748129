// Starts the page. What goes wrong before there is a page is said in the static text.
import init, { startPage } from "./pkg/vitrine.js";
import { watch } from "./crash.js";
import { keep, takeOver } from "./offline.js";

const place = document.getElementById("boot");
place.textContent = "The page is opening…";

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
// Last: what the reader sees comes first.
await keep();
