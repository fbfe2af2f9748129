// Starts the page. What goes wrong before there is a page is said in the static text.
import init from "./pkg/web.js";

try {
  await init();
} catch (error) {
  const place = document.getElementById("boot");
  if (place) {
    place.setAttribute("role", "alert");
    place.textContent =
      "The page could not start (" + error.message + "). " +
      "Reload it, and use a current Chrome, Edge, Firefox or Safari.";
  }
  throw error;
}
