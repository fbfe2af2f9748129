// A trap in the page's own module: nothing of it can be trusted to go on, so plain script says so.
const WORDS = {
  en: ["The page stopped because of a defect in it", "Reload it to go on.", "Reload"],
  zh: ["頁面因程式錯誤而停止", "請重新載入以繼續。", "重新載入"],
};

/** Says it once when the module traps. What goes wrong before there is a page, `boot.js` says. */
export function watch() {
  addEventListener("error", ({ error }) => say(error));
  addEventListener("unhandledrejection", ({ reason }) => say(reason));
}

function say(error) {
  // A full stack is no trap in every browser, and ends the module as well.
  const isFull = error instanceof RangeError && /call stack/.test(error.message);
  const isTrap = error instanceof WebAssembly.RuntimeError || isFull;
  if (!isTrap || document.getElementById("boot") || document.querySelector(".crash")) return;
  const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
  const [what, then, reload] = WORDS[language];
  const text = document.createElement("p");
  text.textContent = `${what} (${error.message}). ${then}`;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-primary";
  button.dataset.testid = "page-reload";
  button.textContent = reload;
  button.addEventListener("click", () => location.reload());
  const alert = document.createElement("div");
  alert.className = "crash";
  alert.setAttribute("role", "alert");
  alert.dataset.testid = "page-stopped";
  alert.append(text, button);
  document.body.prepend(alert);
}
